"""What sidecars request now, and what ztunnel and the waypoints of a plan would: requests, not use."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.quantities import quantity
from migrator.istio.workloads import Workload
from migrator.model.resource import Frozen

from .text import wrap

# manifests/charts/istio-control/istio-discovery/values.yaml (global.proxy, global.waypoint) and
# manifests/charts/ztunnel/values.yaml, istio/istio at 1.31
SIDECAR_CPU, SIDECAR_MEMORY = "100m", "128Mi"
WAYPOINT_CPU, WAYPOINT_MEMORY = "100m", "128Mi"
ZTUNNEL_CPU, ZTUNNEL_MEMORY = "200m", "512Mi"
WAYPOINT_REPLICAS = 2
_MEBI = 1024 * 1024
_CPU, _MEMORY = "sidecar.istio.io/proxyCPU", "sidecar.istio.io/proxyMemory"
Line = tuple[str, str]


class Requests(Frozen):
    """Requests of some pods: `cpu` in cores, `memory` in MiB."""

    pods: int
    cpu: float
    memory: float


class Estimate(Frozen):
    """Now and after, with everything that was assumed."""

    sidecars: Requests
    ztunnel: Requests
    waypoints: Requests
    saved: Requests
    assumptions: tuple[str, ...]


def estimate(mesh: Mesh, nodes: int) -> Estimate:
    """`nodes` 0 means: count the Node objects of the source, else 1."""
    said: list[str] = []
    sidecars = _sidecars(mesh, said)
    counted = sum(
        node.labels.get("kubernetes.io/os", "linux") == "linux" for node in mesh.of(kinds.NODE)
    )
    if nodes == 0:
        nodes = counted or 1
        if not counted:
            said.append("No Node is in the source: one node is assumed (--nodes).")
    ztunnel = Requests(
        pods=nodes, cpu=nodes * _cores(ZTUNNEL_CPU), memory=nodes * _mebibytes(ZTUNNEL_MEMORY)
    )
    said.append(
        f"ztunnel requests {ZTUNNEL_CPU} CPU and {ZTUNNEL_MEMORY} a node, the chart's defaults."
    )
    hard = {
        s.namespace for s, reasons in mesh.waypoints.needing.items() if any(r.hard for r in reasons)
    }
    pods = len(hard) * WAYPOINT_REPLICAS
    waypoints = Requests(
        pods=pods, cpu=pods * _cores(WAYPOINT_CPU), memory=pods * _mebibytes(WAYPOINT_MEMORY)
    )
    said.append(
        f"One waypoint for each namespace with a hard reason, {WAYPOINT_REPLICAS} replicas, each "
        f"{WAYPOINT_CPU} CPU and {WAYPOINT_MEMORY}, the chart's defaults; load may ask for more."
    )
    said.append("Requests are compared, not use.")
    saved = Requests(
        pods=sidecars.pods,
        cpu=sidecars.cpu - ztunnel.cpu - waypoints.cpu,
        memory=sidecars.memory - ztunnel.memory - waypoints.memory,
    )
    return Estimate(
        sidecars=sidecars,
        ztunnel=ztunnel,
        waypoints=waypoints,
        saved=saved,
        assumptions=tuple(said),
    )


def _sidecars(mesh: Mesh, said: list[str]) -> Requests:
    pods, cpu, memory, default = 0, 0.0, 0.0, 0
    for workload in mesh.meshed:
        count = len(workload.pods) or (workload.replicas if workload.replicas is not None else 1)
        default += _CPU not in workload.annotations or _MEMORY not in workload.annotations
        pods += count
        cpu += count * _own(workload, _CPU, SIDECAR_CPU, 1)
        memory += count * _own(workload, _MEMORY, SIDECAR_MEMORY, _MEBI)
    if default:
        said.append(
            f"{default} workloads name no sidecar requests: Istio's defaults of {SIDECAR_CPU} CPU and "
            f"{SIDECAR_MEMORY} are taken."
        )
    if any(w.replicas is None and not w.pods for w in mesh.meshed):
        said.append("A DaemonSet or CronJob without running pods counts as one pod.")
    return Requests(pods=pods, cpu=cpu, memory=memory)


def _own(workload: Workload, annotation: str, default: str, unit: int) -> float:
    found = quantity(workload.annotations.get(annotation)) or quantity(default) or 0
    return float(found / unit)


def _cores(text: str) -> float:
    return float(quantity(text) or 0)


def _mebibytes(text: str) -> float:
    return float((quantity(text) or 0) / _MEBI)


def lines(view: Estimate, columns: int) -> Iterator[Line]:
    """A small table and its assumptions."""
    yield f"{'':<12}{'pods':>8}{'CPU':>12}{'memory':>14}", "bold"
    for name, one in (
        ("sidecars", view.sidecars),
        ("ztunnel", view.ztunnel),
        ("waypoints", view.waypoints),
    ):
        yield f"{name:<12}{one.pods:>8}{one.cpu:>12.1f}{one.memory:>10.0f} MiB", ""
    yield f"{'saved':<12}{'':>8}{view.saved.cpu:>12.1f}{view.saved.memory:>10.0f} MiB", "bold"
    yield "", ""
    for said in view.assumptions:
        yield wrap(said, "  ", columns, first="- "), "dim"
