"""A small HTTP server that answers as an API server would, and the kubeconfig that leads to it."""

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from migrator.adapters.kube.client import Api
from migrator.adapters.kube.login import log_in


class Asked(NamedTuple):
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


class Answer(NamedTuple):
    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = MappingProxyType({})


class ApiServer:
    """`answers[path]` is a list of answers, the last one for ever; `broken` requests are cut off first."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Answer]] = {}
        self.asked: list[Asked] = []
        self.broken = 0
        self.slept: list[float] = []
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self.address = f"127.0.0.1:{self._http.server_port}"

    def start(self) -> None:
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def api(self, folder: Path, **user: Any) -> Api:
        """Connected to it; sleeping is only noted."""
        return Api(
            lambda: log_in(str(self.kubeconfig(folder, **user)), ""), sleep=self.slept.append
        )

    def kubeconfig(self, folder: Path, scheme: str = "http", **user: Any) -> Path:
        file = folder / "kubeconfig"
        named = {"cluster": "here", "user": "me"}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "clusters": [{"name": "here", "cluster": {"server": f"{scheme}://{self.address}"}}],
            "users": [{"name": "me", "user": user or {"token": "t0"}}],
            "contexts": [{"name": name, "context": named} for name in ("here", "there")],
        }
        file.write_text(json.dumps(config))
        return file

    def take(self, asked: Asked) -> Answer | None:
        with self._lock:
            self.asked.append(asked)
            if self.broken:
                self.broken -= 1
                return None
            left = self.answers.get(asked.path)
            if not left:
                return Answer({"kind": "Status", "message": f"no {asked.path}"}, 404)
            return left.pop(0) if len(left) > 1 else left[0]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _any(self) -> None:
                parts = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                query = dict(parse_qsl(parts.query))
                headers = {key.lower(): value for key, value in self.headers.items()}
                answer = server.take(Asked(self.command, parts.path, query, headers, body))
                if answer is None:
                    self.close_connection = True
                    return
                data = json.dumps(answer.body).encode()
                self.send_response(answer.status)
                for key, value in {"Content-Length": str(len(data)), **answer.headers}.items():
                    self.send_header(key, value)
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PATCH = do_DELETE = _any  # noqa: N815  the library's names

            def log_message(self, *_: object) -> None:
                pass

        return Handler
