"""The program of the stand-in image, as it runs in a pod: what it serves, and what its calls find.

Real: the program, built as the image builds it, and its connections on loopback.
"""

import contextlib
import json
import os
import socket
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from .meshes import eventually
from .processes import free_port

TOKEN = "issuer/subject"  # noqa: S105  the name of one
SOURCE = Path(__file__).parents[1] / "standin"


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    made = tmp_path_factory.mktemp("standin") / "standin"
    subprocess.run(
        ["go", "build", "-trimpath", "-o", str(made), "."],  # noqa: S607
        check=True, cwd=SOURCE, env={**os.environ, "CGO_ENABLED": "0"},
    )  # fmt: skip
    return made


@pytest.fixture(scope="module")
def served(program):
    http, tcp = free_port(), free_port()
    process = subprocess.Popen([program, "serve", f"{http}/http", f"{tcp}/tcp"])
    assert eventually(lambda: listens(http) and listens(tcp), 20)
    yield http, tcp
    process.terminate()
    assert process.wait(20) == 0  # it ends in order when a pod does


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def answers(program: Path, *calls: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """One answer of each call, then the client ends."""
    client = subprocess.Popen(
        [program, "call", "--every=20ms", "--timeout=500ms"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert client.stdin
    assert client.stdout
    client.stdin.write("".join(json.dumps(call) + "\n" for call in calls))
    client.stdin.close()
    found: dict[str, tuple[str, str]] = {}
    while len(found) < len(calls):
        name, answer, by = json.loads(client.stdout.readline())
        found[name] = (answer, by)
    client.terminate()
    client.wait(20)
    client.stdout.close()
    return found


def call(name: str, port: int, *, http: bool = True, **values: str | None) -> dict[str, Any]:
    return {"id": name, "host": "127.0.0.1", "port": port, "http": http, "values": values}


def test_every_path_is_answered_also_in_http2_and_grpc(served):
    http, _ = served
    assert urllib.request.urlopen(f"http://127.0.0.1:{http}/any/path").status == 200
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
    with socket.create_connection(("127.0.0.1", http)) as connection:
        connection.sendall(preface)
        assert connection.recv(9)[3] == 4  # a SETTINGS frame


def test_calls_that_are_allowed(program, served):
    http, tcp = served
    found = answers(program, call("h", http, method="POST", path="/x"), call("t", tcp, http=False))
    assert found == {"h": ("allowed", ""), "t": ("allowed", "")}


@contextlib.contextmanager
def proxy(status: int, words: str) -> Iterator[tuple[int, list[Any]]]:
    """Something in between that answers itself, and what it was asked."""
    asked: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers.get("Authorization")))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(words.encode())

        def log_message(self, *_: object) -> None:
            """Nothing: the test asserts on what was asked."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port, asked
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "words", "answer"),
    [
        (403, "RBAC: access denied", "denied"),
        (401, "Jwt is missing", "denied"),
        (503, "reset reason: connection termination", "denied"),
        (503, "no healthy upstream", "failed"),
        (500, "broken", "failed"),
        (404, "nothing here", "allowed"),
    ],
)
def test_what_a_proxy_answers_is_told_apart(program, status, words, answer):
    with proxy(status, words) as (port, asked):
        found = answers(program, call("c", port, path="/a", token=TOKEN))
    assert found["c"][0] == answer
    assert asked[0][0] == "/a"
    assert asked[0][1] == f"Bearer {TOKEN}"
    if answer != "allowed":
        assert words in found["c"][1]


def test_nobody_there_is_a_failure_and_a_closed_door_a_refusal(program):
    nobody = free_port()
    with socket.create_server(("127.0.0.1", 0)) as door:

        def shut() -> None:
            with contextlib.suppress(OSError):
                while True:
                    door.accept()[0].close()

        threading.Thread(target=shut, daemon=True).start()
        port = door.getsockname()[1]
        found = answers(
            program, call("n", nobody), call("t", port, http=False), call("h", port),
            call("m", nobody, http=False),
        )  # fmt: skip
        door.shutdown(socket.SHUT_RDWR)
    assert {name: answer for name, (answer, _) in found.items()} == {
        "n": "failed", "t": "denied", "h": "denied", "m": "failed",
    }  # fmt: skip


def test_a_job_ends_and_a_probe_succeeds(program):
    for word in ("ok", "once"):
        assert subprocess.run([program, word], check=False, timeout=20).returncode == 0
    assert subprocess.run([program, "else"], check=False, capture_output=True).returncode == 1
