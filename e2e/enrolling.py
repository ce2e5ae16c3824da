"""A stand-in for istio-cni on nodes where no pod runs: it writes the one annotation that the agent writes.

Who is enrolled follows istio/istio cni/pkg/util/podutil.go (PodRedirectionEnabled): the pod's own
`istio.io/dataplane-mode`, else its namespace's; never a pod with a sidecar or with the host's network.
No traffic is redirected: there is none.
"""

import contextlib
import threading
import time
from typing import Any, Self

from .api import Api, ApiError, Reachable

_REDIRECTION = "ambient.istio.io/redirection"
_MODE = "istio.io/dataplane-mode"
_POLL_SECONDS = 0.2


class Enrolling:
    """A thread beside the control plane. `manner` may be changed at any time:

    `prompt` annotates at once, `slow` when a pod is `delay` seconds old (to it), `pending` writes that the
    pod is waited for, `never` writes nothing.
    """

    def __init__(self, plane: Reachable) -> None:
        self.manner = "prompt"
        self.delay = 3.0
        self._api = Api(plane)
        self._seen: dict[str, float] = {}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._end.wait(_POLL_SECONDS):
            with contextlib.suppress(ApiError, OSError):  # the API server may be away
                self._look()

    def _look(self) -> None:
        spaces = {
            n["metadata"]["name"]: n["metadata"].get("labels") or {}
            for n in self._api.items("/api/v1/namespaces")
        }
        for pod in self._api.items("/api/v1/pods"):
            wanted = self._wanted(pod, spaces.get(pod["metadata"]["namespace"], {}))
            found = (pod["metadata"].get("annotations") or {}).get(_REDIRECTION)
            if wanted != found:
                self._annotate(pod, wanted)

    def _wanted(self, pod: dict[str, Any], space: dict[str, str]) -> str | None:
        meta = pod["metadata"]
        found = (meta.get("annotations") or {}).get(_REDIRECTION)
        mode = (meta.get("labels") or {}).get(_MODE) or space.get(_MODE)
        injected = "sidecar.istio.io/status" in (meta.get("annotations") or {})
        if mode != "ambient" or injected or pod["spec"].get("hostNetwork"):
            return None
        if pod.get("status", {}).get("phase") != "Running" or found == "enabled":
            return found
        if self.manner == "pending":
            return "pending"
        age = time.monotonic() - self._seen.setdefault(meta["uid"], time.monotonic())
        due = self.manner == "prompt" or (self.manner == "slow" and age >= self.delay)
        return "enabled" if due else found

    def _annotate(self, pod: dict[str, Any], value: str | None) -> None:
        meta = pod["metadata"]
        path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"
        patch = {"metadata": {"uid": meta["uid"], "annotations": {_REDIRECTION: value}}}
        with contextlib.suppress(ApiError):  # the pod has gone
            self._api.patch(path, patch)
