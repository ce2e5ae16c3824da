"""Which data plane carries a pod's traffic now, and whether istio-cni would enrol its next one.

Mirrors istio/istio cni/pkg/util/podutil.go and enablement_selector.go, and `setTunnelProtocol` of
pilot/pkg/serviceregistry/ambient/workloads.go (which sidecars can receive HBONE).
"""

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from migrator.istio import labels as names
from migrator.istio.meshconfig import CniConfig
from migrator.istio.selectors import selects
from migrator.istio.workloads import Role, Workload, is_gateway_pod
from migrator.model.resource import Resource

from .injection import Injection


class Mode(StrEnum):
    """`mixed`: the pods of one workload differ. `manual`: the template holds its own istio-proxy."""

    NONE = "none"
    SIDECAR = "sidecar"
    SIDECAR_HBONE = "sidecar-hbone"
    AMBIENT = "ambient"
    PENDING = "pending"
    GATEWAY = "gateway"
    WAYPOINT = "waypoint"
    PROXYLESS = "proxyless"
    MIXED = "mixed"
    MANUAL = "manual"


_REDIRECTION = {"enabled": Mode.AMBIENT, "pending": Mode.PENDING}
SIDECAR_MODES = frozenset({Mode.SIDECAR, Mode.SIDECAR_HBONE, Mode.MIXED, Mode.MANUAL})


class State(NamedTuple):
    """`seen`: read off running pods; else predicted from template and labels."""

    mode: Mode
    seen: bool
    detail: str


def state(workload: Workload, injected: Injection, would_be_enrolled: bool) -> State:  # noqa: FBT001
    """What its pods are, or what its next pod would be."""
    match workload.role:
        case Role.GATEWAY:
            return State(Mode.GATEWAY, seen=bool(workload.pods), detail="an Istio gateway")
        case Role.WAYPOINT:
            return State(Mode.WAYPOINT, seen=bool(workload.pods), detail="a waypoint")
        case Role.CONTROL_PLANE:  # ztunnel's container bears the name of a sidecar's
            return State(Mode.NONE, seen=bool(workload.pods), detail="a part of Istio itself")
    running = tuple(pod for pod in workload.pods if _runs(pod, workload))
    if running:
        return _of_pods(running, workload.pod_spec)
    return _predicted(workload, injected, would_be_enrolled)


def classify(pod: Resource, template: Mapping[str, object] | None = None) -> Mode:
    """The mode of one pod as it stands in the API; `template` tells of a pod that was read by metadata."""
    annotations, labels = pod.annotations, pod.labels
    if labels.get(names.GATEWAY_CLASS_NAME) == names.WAYPOINT_CLASS:
        return Mode.WAYPOINT
    if is_gateway_pod(labels, annotations, pod.spec):
        return Mode.GATEWAY
    if _is_proxyless(annotations):
        return Mode.PROXYLESS
    if names.SIDECAR_STATUS in annotations:
        tunnels = labels.get(names.TUNNEL, "").split(",")
        return Mode.SIDECAR_HBONE if "http" in tunnels else Mode.SIDECAR
    captured = _REDIRECTION.get(annotations.get(names.REDIRECTION, ""), Mode.NONE)
    return Mode.MANUAL if has_own_proxy(pod.spec or template or {}) else captured


def has_own_proxy(spec: Mapping[str, object]) -> bool:
    """Whether a container `istio-proxy` stands in the spec, as a native sidecar or beside the others."""
    for group in ("containers", "initContainers"):
        containers = spec.get(group)
        if isinstance(containers, list | tuple) and any(
            c.get("name") == "istio-proxy" for c in containers
        ):
            return True
    return False


def eligible(
    workload: Workload, namespace: str, namespace_labels: Mapping[str, str], cni: CniConfig
) -> bool:
    """Whether istio-cni would enrol the next pod, were it without sidecar."""
    if workload.host_network or namespace in cni.exclude_namespaces:
        return False
    if cni.enablement_selectors is not None:
        return any(
            selects(one.get("namespaceSelector"), namespace_labels)
            and selects(one.get("podSelector"), workload.labels)
            for one in cni.enablement_selectors
        )
    on_pod = workload.labels.get(names.DATAPLANE_MODE)
    if on_pod == names.AMBIENT:
        return True
    return namespace_labels.get(names.DATAPLANE_MODE) == names.AMBIENT and on_pod != "none"


def _runs(pod: Resource, workload: Workload) -> bool:
    """A finished pod carries no traffic; one out of a manifest bears no mark of having started."""
    phase = pod.status.get("phase")
    if phase in {"Succeeded", "Failed"}:
        return False
    marks = (names.SIDECAR_STATUS, names.REDIRECTION)
    started = bool(phase) or any(mark in pod.annotations for mark in marks)
    return started or pod is not workload.resource


def _of_pods(pods: tuple[Resource, ...], template: Mapping[str, object]) -> State:
    """Pods that differ are `mixed` when some have a sidecar, else what the least captured one is."""
    counts = Counter(classify(pod, template) for pod in pods)
    said = ", ".join(f"{mode} {number}" for mode, number in sorted(counts.items()))
    if len(counts) == 1:
        return State(next(iter(counts)), seen=True, detail=said)
    if any(mode in SIDECAR_MODES for mode in counts):
        return State(Mode.MIXED, seen=True, detail=said)
    least = next((m for m in (Mode.NONE, Mode.PENDING) if m in counts), Mode.PROXYLESS)
    return State(least, seen=True, detail=said)


def _predicted(workload: Workload, injected: Injection, would_be_enrolled: bool) -> State:  # noqa: FBT001
    if _is_proxyless(workload.annotations) and injected.injected:
        return State(Mode.PROXYLESS, seen=False, detail=injected.reason)
    if injected.injected:
        return State(Mode.SIDECAR, seen=False, detail=injected.reason)
    if has_own_proxy(workload.pod_spec):
        return State(Mode.MANUAL, seen=False, detail="the template holds a container istio-proxy")
    if would_be_enrolled:
        return State(Mode.AMBIENT, seen=False, detail=f"{names.DATAPLANE_MODE}: ambient")
    return State(Mode.NONE, seen=False, detail=injected.reason)


def _is_proxyless(annotations: Mapping[str, str]) -> bool:
    return "grpc-agent" in annotations.get(names.TEMPLATES, "").split(",")
