"""Plain requests to the control plane's API server, for tests that ask it often."""

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from .controlplane import TOKEN, ControlPlane


class ApiError(Exception):
    """The API server answered with an error; `status` is the HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


Reachable = ControlPlane | SimpleNamespace  # a control plane, or where one is reached


def reached(server: str, certificate: str) -> SimpleNamespace:
    """A control plane that another process started."""
    return SimpleNamespace(
        server=server, authority=SimpleNamespace(ca=SimpleNamespace(cert=certificate))
    )


class Api:
    """GET and merge patch, as the cluster's administrator. Raises ApiError, or OSError without answer."""

    def __init__(self, plane: Reachable) -> None:
        self._server = plane.server
        self._trust = ssl.create_default_context(cafile=str(plane.authority.ca.cert))

    def get(self, path: str) -> Any:
        return self._request("GET", path)

    def items(self, path: str) -> list[Any]:
        return list(self.get(path)["items"])

    def patch(self, path: str, body: Any) -> Any:
        return self._request("PATCH", path, body)

    def stream(self, path: str) -> Iterator[Any]:
        """The events of a watch, as they come."""
        with self._open("GET", path, seconds=60) as answer:
            for line in answer:
                yield json.loads(line)

    def _request(self, method: str, path: str, body: Any = None) -> Any:
        with self._open(method, path, body) as answer:
            return json.loads(answer.read())

    def _open(self, method: str, path: str, body: Any = None, seconds: float = 10) -> Any:
        request = urllib.request.Request(  # noqa: S310
            self._server + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {TOKEN}",
                "Content-Type": "application/merge-patch+json",
            },
        )
        try:
            return urllib.request.urlopen(request, timeout=seconds, context=self._trust)  # noqa: S310
        except urllib.error.HTTPError as error:
            raise ApiError(error.code, error.read().decode(errors="replace")) from error
