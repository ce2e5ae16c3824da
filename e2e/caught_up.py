"""Whether istiod has taken up what was written before now.

What a proxy is told comes from istiod's last push, which trails the API server by its debounce (0.1 s, up to
10 s where changes keep coming: PILOT_DEBOUNCE_AFTER and PILOT_DEBOUNCE_MAX in istio/istio
pilot/pkg/features/tuning.go). A policy that selects nobody is written, and waited for in that push.
"""

import itertools
import json
import time
import urllib.request
from typing import Any

from .api import Api
from .controlplane import ControlPlane

NAMESPACE = "e2e-caught-up"
_NAME = "written-last"
_PATH = f"/apis/security.istio.io/v1/namespaces/{NAMESPACE}/authorizationpolicies/{_NAME}"


class CaughtUp:
    """Waits for istiod. Makes a namespace of its own on the control plane."""

    def __init__(self, plane: ControlPlane) -> None:
        self._api = Api(plane)
        self._debug = f"http://127.0.0.1:{plane.ports.istiod_http}/debug/authorizationz"
        self._numbers = itertools.count(1)
        meta = {"name": _NAME, "namespace": NAMESPACE}
        policy = {
            "apiVersion": "security.istio.io/v1",
            "kind": "AuthorizationPolicy",
            "metadata": meta,
        }
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
        for body in (space, {**policy, "spec": _spec(0)}):
            plane.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(body))

    def wait(self, seconds: float) -> bool:
        """False when istiod has not come to it in time."""
        wanted = _spec(next(self._numbers))
        self._api.patch(_PATH, {"spec": wanted})
        deadline = time.monotonic() + seconds
        while self._pushed() != wanted:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def _pushed(self) -> Any:
        with urllib.request.urlopen(self._debug, timeout=10) as answer:  # noqa: S310
            found = json.load(answer)["authorization_policies"]["namespace_to_policies"]
        return next((one["spec"] for one in found.get(NAMESPACE) or ()), None)


def _spec(number: int) -> dict[str, Any]:
    source = {"source": {"principals": [f"number-{number}"]}}
    return {"selector": {"matchLabels": {NAMESPACE: "nobody"}}, "rules": [{"from": [source]}]}
