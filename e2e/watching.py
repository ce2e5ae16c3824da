"""A list of the API server's kept current by a watch, for stand-ins of controllers."""

import contextlib
import http.client
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from .api import Api, ApiError

T = TypeVar("T")
_PAGE = 500
_WATCH_SECONDS = 30
_AGAIN_SECONDS = 0.2


class Watched(Generic[T]):
    """Objects by key; `reduced` says what is kept of each. A thread of its own, from the first moment."""

    def __init__(
        self, api: Api, path: str, reduced: Callable[[dict[str, Any]], tuple[str, T]]
    ) -> None:
        self._api = api
        self._path = path
        self._reduced = reduced
        self._found: dict[str, T] = {}
        self._lock = threading.Lock()
        self._end = threading.Event()
        self.synced = False
        threading.Thread(target=self._work, daemon=True).start()

    def items(self) -> dict[str, T]:
        with self._lock:
            return dict(self._found)

    def put(self, key: str, value: T) -> None:
        """What its owner has just written, before the watch tells it; not when it is gone."""
        with self._lock:
            if key in self._found:
                self._found[key] = value

    def stop(self) -> None:
        """The thread ends with its next answer."""
        self._end.set()

    def _work(self) -> None:
        while not self._end.is_set():
            with contextlib.suppress(ApiError, OSError, http.client.HTTPException):
                self._follow(self._list())
            self._end.wait(_AGAIN_SECONDS)

    def _list(self) -> str:
        found: dict[str, T] = {}
        token = ""
        while True:
            page = self._api.get(f"{self._path}?limit={_PAGE}" + (token and f"&continue={token}"))
            found.update(self._reduced(body) for body in page["items"])
            token = page["metadata"].get("continue", "")
            if not token:
                break
        with self._lock:
            self._found = found
        self.synced = True
        return str(page["metadata"]["resourceVersion"])

    def _follow(self, version: str) -> None:
        """Watch after watch; returns when the server has forgotten where this one was."""
        while not self._end.is_set():
            query = f"watch=true&allowWatchBookmarks=true&timeoutSeconds={_WATCH_SECONDS}"
            for event in self._api.stream(f"{self._path}?{query}&resourceVersion={version}"):
                if self._end.is_set() or event["type"] == "ERROR":
                    return
                version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    self._take(event)

    def _take(self, event: dict[str, Any]) -> None:
        key, value = self._reduced(event["object"])
        with self._lock:
            if event["type"] == "DELETED":
                self._found.pop(key, None)
            else:
                self._found[key] = value
