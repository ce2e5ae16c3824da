"""A stand-in for Prometheus on loopback: of all requests to the workloads that it knows, a share failed."""

import json
import threading
import time
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit


class ErrorsServer:
    """`errors` of a hundred requests to each workload are answered 503; it may change at any time."""

    def __init__(self, namespace: str, workloads: Iterable[str]) -> None:
        self.errors = 0
        self.asked = 0
        self._edges = [(namespace, name) for name in workloads]
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def vector(self, query: str) -> list[dict[str, Any]]:
        """The instant vector for a query over requests; of connections there are none."""
        if "istio_requests_total" not in query:
            return []
        self.asked += 1
        return [
            {
                "metric": {
                    "reporter": "destination", "response_code": code,
                    "source_workload_namespace": "elsewhere", "source_workload": "visitor",
                    "destination_service_namespace": namespace, "destination_service_name": name,
                    "destination_workload_namespace": namespace, "destination_workload": name,
                },
                "value": [time.time(), str(count)],
            }
            for namespace, name in self._edges
            for code, count in (("200", 100 - self.errors), ("503", self.errors))
        ]  # fmt: skip

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                (query,) = parse_qs(urlsplit(self.path).query)["query"]
                data = {"resultType": "vector", "result": server.vector(query)}
                body = json.dumps({"status": "success", "data": data}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing: the test asserts on what was asked."""

        return Handler
