"""A throw-away control plane for `migrate rehearse --provider controlplane`, in JSON lines.

Real: API server, controllers, scheduler, istiod with its webhooks and all that it tells proxies. Simulated:
nodes (kwok), istio-cni (`cni_standin`), every caller, every proxy, every packet (`rehearsal_walk`). What it
starts ends with it, and it ends with its input.
"""

import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from migrator.adapters.throwaway import owner

from .api import Api
from .caught_up import CaughtUp
from .cni_standin import CniStandIn, Pod
from .controlplane import ControlPlane
from .istio import TAG
from .oracle import Oracle
from .oracle_told import Alike, tell
from .rehearsal_walk import Call, Moment

CRDS = Path(__file__).parent / "manifests" / "crds"
PREFIX = "migrate-rehearsal-"
_HASHES = {"pod-template-hash", "controller-revision-hash", "statefulset.kubernetes.io/pod-name",
           "apps.kubernetes.io/pod-index", "pod-template-generation"}  # fmt: skip
_INGRESS = "istio.io/ingress-use-waypoint"
_SECONDS = 10.0
_DEBOUNCE = "10ms"  # each look waits for a push


class Session:
    """One control plane and what is asked of it; a method for each thing that can be asked."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._calls: list[Call] = []
        self._spaces: list[str] = []

    def create(self, _: Mapping[str, Any]) -> dict[str, Any]:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._stack.callback(shutil.rmtree, folder, ignore_errors=True)
        (folder / "owner").write_text(owner.mine())
        self._plane = self._stack.enter_context(ControlPlane(folder))
        self._plane.istiod_settings["PILOT_DEBOUNCE_AFTER"] = _DEBOUNCE
        self._plane.install_istio("default")
        self._plane.kubectl("apply", "--server-side", "-f", str(CRDS))
        self._cni = self._stack.enter_context(CniStandIn(self._plane))
        self._oracle = self._stack.enter_context(Oracle(self._plane))
        self._istiod = CaughtUp(self._plane)
        return {"kubeconfig": str(self._plane.kubeconfig), "istio": TAG}

    def ambient(self, _: Mapping[str, Any]) -> dict[str, Any]:
        self._plane.install_istio("ambient")
        return {}

    def calls(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        self._calls, self._spaces = asked["calls"], asked["namespaces"]
        return {}

    def sample(self, _: Mapping[str, Any]) -> dict[str, Any]:
        moment = self._moment()
        if moment is None:
            return {"samples": []}  # who takes them says so in the report
        return {
            "samples": [
                [call["id"], *outcome]
                for call in self._calls
                for outcome in sorted(set(moment.outcomes(call)))
            ]
        }

    def no_enrolment(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Of no pod of these namespaces istio-cni takes notice."""
        spaces = set(asked["namespaces"])
        self._cni.never(lambda pod: _is_in(pod, spaces))
        return {}

    def enrolment(self, _: Mapping[str, Any]) -> dict[str, Any]:
        self._cni.prompt()
        return {}

    def _moment(self) -> Moment | None:
        """A look during which no pod became ready or ceased to be, at an istiod that is not behind."""
        deadline = time.monotonic() + _SECONDS
        while (left := deadline - time.monotonic()) > 0:
            api = Api(self._plane)
            before = _ready(api, self._spaces)
            if self._is_enrolling(api):
                time.sleep(0.05)
                continue
            if not self._istiod.wait(left):
                break
            told = tell(self._plane, self._oracle, self._spaces)
            if told is not None and _ready(api, self._spaces) == before:
                pods = frozenset(key for key in told.pods if _shape(key) in before)
                return Moment(told, pods, frozenset(_entered(api, self._spaces)))
            time.sleep(0.1)
        return None

    def _is_enrolling(self, api: Api) -> bool:
        """Whether a pod is as no real one ever is: started, and not yet enrolled."""
        for space in self._spaces:
            labels = api.get(f"/api/v1/namespaces/{space}")["metadata"].get("labels") or {}
            if any(self._cni.owes(pod, labels) for pod in api.items(_pods(space))):
                return True
        return False


def _pods(space: str) -> str:
    return f"/api/v1/namespaces/{space}/pods"


def _is_in(pod: Pod, spaces: set[str]) -> bool:
    return pod.namespace in spaces


def _shape(key: Alike) -> tuple[str, tuple[tuple[str, str], ...], bool]:
    return key.workload.partition("/")[0], key.labels, key.mode in {"sidecar", "hbone"}


def _ready(api: Api, spaces: Iterable[str]) -> set[tuple[str, tuple[tuple[str, str], ...], bool]]:
    """Namespace, labels and whether there is a sidecar, of all pods that are Ready."""
    found = set()
    for space in spaces:
        for pod in api.items(_pods(space)):
            meta = pod["metadata"]
            conditions = {
                c["type"]: c["status"] for c in pod.get("status", {}).get("conditions") or ()
            }
            if conditions.get("Ready") == "True" and "deletionTimestamp" not in meta:
                labels = (meta.get("labels") or {}).items()
                kept = tuple(sorted((k, v) for k, v in labels if k not in _HASHES))
                sidecar = "sidecar.istio.io/status" in (meta.get("annotations") or {})
                found.add((space, kept, sidecar))
    return found


def _entered(api: Api, spaces: Iterable[str]) -> Iterator[str]:
    """Hosts of Services with `istio.io/ingress-use-waypoint`, their own or their namespace's."""
    for space in spaces:
        meta = api.get(f"/api/v1/namespaces/{space}")["metadata"]
        usual = (meta.get("labels") or {}).get(_INGRESS, "")
        for service in api.items(f"/api/v1/namespaces/{space}/services"):
            own = (service["metadata"].get("labels") or {}).get(_INGRESS, usual)
            if own.lower() == "true":
                yield f"{service['metadata']['name']}.{space}.svc.cluster.local"


def main() -> None:
    """One JSON document a line in, one out; the end of the input, or SIGTERM, ends everything."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asks is who is interrupted, and says so
    with ExitStack() as stack:
        session = Session(stack)
        for line in sys.stdin:
            asked = json.loads(line)
            print(json.dumps(_answer(getattr(session, asked["do"]), asked)), flush=True)


def _answer(
    do: Callable[[Mapping[str, Any]], dict[str, Any]], asked: Mapping[str, Any]
) -> dict[str, Any]:
    try:
        return do(asked)
    except Exception as error:  # noqa: BLE001  who asked is told, and decides
        return {"error": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    main()
