"""A simulated istio-cni: nothing is redirected, only the annotation that the agent writes is written.

Who is enrolled is decided as istio/istio does it (cni/pkg/util/enablement_selector.go, Matches, and
cni/pkg/nodeagent/informers.go, reconcilePod), from the selectors and the excluded namespaces in the agent's
own ConfigMap; without that ConfigMap there is no agent and nobody is enrolled. The code shares nothing with
the product's model of the same rule. Unlike the agent, which reads its settings when it starts, this one
sees a changed ConfigMap at once.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

import yaml

from .api import Api, ApiError, Reachable
from .controlplane import ControlPlane
from .watching import Watched

REDIRECTION = "ambient.istio.io/redirection"
ENABLED, PENDING = "enabled", "pending"  # pkg/config/constants/constants.go
_SIDECAR = "sidecar.istio.io/status"
_SETTINGS = "/api/v1/namespaces/istio-system/configmaps/istio-cni-config"
_TICK = 0.1
_SETTINGS_SECONDS = 2.0


class Pod(NamedTuple):
    """What the agent looks at."""

    namespace: str
    name: str
    uid: str
    labels: Mapping[str, str]
    sidecar: bool
    host_network: bool
    phase: str
    address: str
    annotation: str | None

    @property
    def over(self) -> bool:
        return self.phase in {"Succeeded", "Failed"}

    @classmethod
    def of(cls, body: dict[str, Any]) -> "Pod":
        meta, status = body["metadata"], body.get("status") or {}
        notes = meta.get("annotations") or {}
        return cls(
            meta["namespace"], meta["name"], meta["uid"], meta.get("labels") or {}, _SIDECAR in notes,
            bool(body["spec"].get("hostNetwork")), status.get("phase", ""), status.get("podIP", ""),
            notes.get(REDIRECTION),
        )  # fmt: skip


class Settings(NamedTuple):
    """The agent's configuration: pairs of pod and namespace selectors, and namespaces left alone."""

    selectors: tuple[tuple[Any, Any], ...] = ()
    excluded: frozenset[str] = frozenset()

    @classmethod
    def of(cls, data: Mapping[str, str]) -> "Settings":
        listed = yaml.safe_load(data.get("AMBIENT_ENABLEMENT_SELECTOR") or "") or ()
        pairs = tuple((s.get("podSelector"), s.get("namespaceSelector")) for s in listed)
        names = (data.get("EXCLUDE_NAMESPACES") or "").split(",")
        return cls(pairs, frozenset(name.strip() for name in names if name.strip()))

    def enrol(self, pod: Pod, space: Mapping[str, str]) -> bool:
        """Whether the agent redirects this pod's traffic; `space` are its namespace's labels."""
        if pod.host_network or pod.sidecar or pod.namespace in self.excluded:
            return False
        return any(selects(p, pod.labels) and selects(n, space) for p, n in self.selectors)

    def annotation(self, pod: Pod, space: Mapping[str, str]) -> str | None:
        """What an agent to which nothing happens leaves on the pod; one without address waits."""
        if pod.over or not self.enrol(pod, space):
            return None
        return ENABLED if pod.address else pod.annotation


def everybody(_pod: Pod) -> bool:
    return True


class Manner(NamedTuple):
    """How the stand-in does its work; `only` says which pods that is true of, others are done promptly."""

    name: str = "prompt"
    seconds: float = 0
    wrong: str = ""
    only: Callable[[Pod], bool] = everybody


class CniStandIn:
    """A thread beside a control plane. Its manner may be changed while it runs."""

    def __init__(self, plane: Reachable) -> None:
        self._api = Api(plane)
        self._spaces = Watched(self._api, "/api/v1/namespaces", _name_and_labels)
        self._pods = Watched(self._api, "/api/v1/pods", lambda b: (b["metadata"]["uid"], Pod.of(b)))
        self._manner = Manner()
        self._settings: Settings | None = None
        self._read_at = float("-inf")
        self._due: dict[str, float] = {}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._spaces.stop()
        self._pods.stop()
        self._thread.join()

    def owes(self, body: dict[str, Any], space: Mapping[str, str]) -> bool:
        """Whether it will still write to the pod; `space` are the labels of its namespace.

        The real one has done so before a container of a new pod starts (istio/istio cni/pkg/plugin).
        """
        pod, manner = Pod.of(body), self._manner
        if self._settings is None or (manner.name == "never" and manner.only(pod)):
            return False
        return self._settings.annotation(pod, space) != pod.annotation

    def prompt(self) -> None:
        """As the agent does when all is well."""
        self._manner = Manner()

    def slow(self, seconds: float, only: Callable[[Pod], bool] = everybody) -> None:
        """Every change of a pod comes `seconds` after it was due."""
        self._manner = Manner("slow", seconds, only=only)

    def never(self, only: Callable[[Pod], bool] = everybody) -> None:
        """No pod is enrolled and none is let go, as when the agent is dead."""
        self._manner = Manner("never", only=only)

    def pending(self, only: Callable[[Pod], bool] = everybody) -> None:
        """Rules are in the pod but no ztunnel has taken it (nodeagent/meshdataplane_linux.go)."""
        self._manner = Manner("pending", only=only)

    def wrong_pod(self, name: str) -> None:
        """The pod `name` gets the annotation, whatever it is; those that should get it get none."""
        self._manner = Manner("wrong", wrong=name)

    def _work(self) -> None:
        while not self._end.wait(_TICK):
            with contextlib.suppress(ApiError, OSError):  # the API server may be away
                self._read_settings()
                self._look()

    def _read_settings(self) -> None:
        if time.monotonic() < self._read_at + _SETTINGS_SECONDS:
            return
        try:
            self._settings = Settings.of(self._api.get(_SETTINGS).get("data") or {})
        except ApiError as error:
            if error.status != 404:
                raise
            self._settings = None
        self._read_at = time.monotonic()

    def _look(self) -> None:
        if not (self._spaces.synced and self._pods.synced):
            return
        spaces, manner = self._spaces.items(), self._manner
        pods = self._pods.items()
        for uid in self._due.keys() - pods.keys():
            del self._due[uid]
        for pod in pods.values():
            wanted = self._wanted(pod, spaces.get(pod.namespace, {}), manner)
            if wanted != pod.annotation and not self._end.is_set():
                self._annotate(pod, wanted)

    def _wanted(self, pod: Pod, space: Mapping[str, str], manner: Manner) -> str | None:
        """The annotation that the pod should have now."""
        if self._settings is None:
            return pod.annotation  # no agent: nobody writes
        right = self._settings.annotation(pod, space)
        if manner.name == "wrong" and pod.name == manner.wrong:
            return ENABLED
        if right == pod.annotation:
            self._due.pop(pod.uid, None)
            return right
        name = manner.name if manner.only(pod) else "prompt"
        if name == "pending":
            return PENDING if right else None
        is_due = {
            "prompt": lambda: True,
            "never": lambda: False,
            "wrong": lambda: False,
            "slow": lambda: self._is_due(pod, manner.seconds),
        }[name]
        return right if is_due() else pod.annotation

    def _is_due(self, pod: Pod, seconds: float) -> bool:
        now = time.monotonic()
        return now >= self._due.setdefault(pod.uid, now + seconds)

    def _annotate(self, pod: Pod, value: str | None) -> None:
        path = f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}/status"
        patch = {"metadata": {"uid": pod.uid, "annotations": {REDIRECTION: value}}}
        with contextlib.suppress(ApiError):  # the pod has gone
            self._api.patch(path, patch)
            self._pods.put(pod.uid, pod._replace(annotation=value))


def selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """A LabelSelector of meta/v1; an empty one selects everything."""
    selector = selector or {}
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    return all(_meets(one, labels) for one in selector.get("matchExpressions") or ())


def _meets(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    found = labels.get(expression["key"])
    values = expression.get("values") or ()
    match expression["operator"]:
        case "In":
            return found in values
        case "NotIn":
            return found not in values
        case "Exists":
            return found is not None
        case "DoesNotExist":
            return found is None
    raise ValueError(f"no operator of a label selector: {expression['operator']}")


def _name_and_labels(body: dict[str, Any]) -> tuple[str, Mapping[str, str]]:
    return body["metadata"]["name"], body["metadata"].get("labels") or {}


@contextlib.contextmanager
def ambient_plane(folder: Path) -> Iterator[ControlPlane]:
    """A control plane of a module's own, with Istio's ambient profile and this stand-in beside it."""
    with ControlPlane(folder) as running:
        running.install_istio("ambient")
        with CniStandIn(running):
            yield running
