"""What sidecars request now, and what ztunnel and the waypoints of a plan would: requests, not use."""

from collections import Counter
from typing import Literal, NamedTuple

from pydantic import Field

from migrator import __version__
from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.platform import OS_LABEL, ZTUNNEL, agents
from migrator.istio.workloads import Workload
from migrator.model.resource import Frozen, Resource

from . import proxy_requests as proxies
from .contract import UnreadView
from .proxy_requests import NOTHING, Amount, Source, Values
from .text import plural

WAYPOINT_REPLICAS = 2  # the least that the options of `migrate plan` ask for


class Requests(Frozen):
    """Requests of some pods: `cpu` in cores, `memory` in MiB."""

    pods: int
    cpu: float
    memory: float

    @classmethod
    def of(cls, pods: int, amount: Amount) -> "Requests":
        return cls(pods=pods, cpu=float(amount.cpu), memory=float(amount.memory / (1 << 20)))


class Saved(Frozen):
    """What ambient requests less than sidecars do; negative where it requests more."""

    cpu: float
    memory: float


class Estimate(Frozen):
    """Now and after, with everything that was assumed."""

    schema_: Literal["migrate/estimate/v1"] = Field(default="migrate/estimate/v1", alias="schema")
    tool: str = f"migrate {__version__}"
    complete: bool
    unread: tuple[UnreadView, ...]
    sidecars: Requests
    ztunnel: Requests
    waypoints: Requests
    saved: Saved
    assumptions: tuple[str, ...]

    model_config = Frozen.model_config | {"populate_by_name": True, "serialize_by_alias": True}


class _Part(NamedTuple):
    """One line of the estimate, and what it rests on."""

    pods: int
    amount: Amount
    said: tuple[str, ...]


def estimate(mesh: Mesh, nodes: int) -> Estimate:
    """`nodes` 0 means: count the nodes of the source, else 1."""
    known, values = nodes or _nodes(mesh), Values(mesh)
    sidecars = _sidecars(mesh, values, known or 1)
    ztunnel = _ztunnel(mesh, known)
    waypoints = _waypoints(mesh, values)
    after = ztunnel.amount.plus(waypoints.amount)
    saved = sidecars.amount.plus(after, -1)
    return Estimate(
        complete=mesh.snapshot.complete,
        unread=tuple(UnreadView.of(unread) for unread in mesh.snapshot.unread),
        sidecars=Requests.of(sidecars.pods, sidecars.amount),
        ztunnel=Requests.of(ztunnel.pods, ztunnel.amount),
        waypoints=Requests.of(waypoints.pods, waypoints.amount),
        saved=Saved(cpu=float(saved.cpu), memory=float(saved.memory / (1 << 20))),
        assumptions=(
            *sidecars.said,
            *ztunnel.said,
            *waypoints.said,
            "Requests are compared, not use.",
        ),
    )


def _sidecars(mesh: Mesh, values: Values, nodes: int) -> _Part:
    pods, total = 0, NOTHING
    sources: Counter[Source] = Counter()
    for workload in mesh.meshed:
        revision = mesh.injection(workload).revision
        asked = proxies.sidecars(workload, revision, values, _expected(workload, nodes))
        pods, total = pods + asked.pods, total.plus(asked.amount)
        sources[asked.source] += 1
    said = [
        f"Sidecars of {plural(sources[source], 'workload')}: as in {source.value}{_each(source)}."
        for source in Source
        if sources[source]
    ]
    if any(w.ref.group_kind == kinds.CRON_JOB and not w.pods for w in mesh.meshed):
        said.append("A CronJob counts as one pod, as while its job runs.")
    if any(_on_every_node(w) and not w.pods for w in mesh.meshed):
        said.append(
            f"A DaemonSet of which nothing runs counts as {plural(nodes, 'pod')}, one a node."
        )
    return _Part(pods, total, tuple(said))


def _each(source: Source) -> str:
    return f" ({proxies.SIDECAR} each)" if source is Source.CHART else ""


def _ztunnel(mesh: Mesh, nodes: int | None) -> _Part:
    said = "The source shows no node: one is assumed (--nodes)." if nodes is None else ""
    count = 1 if nodes is None else nodes
    one, where = proxies.ZTUNNEL, Source.CHART.value
    for agent in agents(mesh, ZTUNNEL):
        template = agent.spec.get("template") or {}
        one = NOTHING
        for container in (template.get("spec") or {}).get("containers") or ():
            one = one.plus(proxies.of_container(container))
        where = str(agent.ref)
        break
    told = f"ztunnel requests {one} a node, on {plural(count, 'node')}, as in {where}."
    return _Part(count, NOTHING.plus(one, count), tuple(text for text in (said, told) if text))


def _waypoints(mesh: Mesh, values: Values) -> _Part:
    hard = {
        s.namespace for s, found in mesh.waypoints.needing.items() if any(r.hard for r in found)
    }
    if not hard:
        return _Part(0, NOTHING, ("No Service has a hard reason for a waypoint.",))
    one, source = values.of("", "waypoint", proxies.WAYPOINT)
    pods = len(hard) * WAYPOINT_REPLICAS
    said = (
        f"A waypoint in {plural(len(hard), 'namespace')}, for hard reasons, "
        f"{WAYPOINT_REPLICAS} replicas (the plan lets load make it 5), each {one}, as in {source.value}."
    )
    return _Part(pods, NOTHING.plus(one, pods), (said,))


def _nodes(mesh: Mesh) -> int | None:
    """Linux nodes of the source, else how many of them ztunnel runs on."""
    counted = sum(node.labels.get(OS_LABEL, "linux") == "linux" for node in mesh.of(kinds.NODE))
    scheduled = [_scheduled(agent) for agent in agents(mesh, ZTUNNEL)]
    return counted or next((number for number in scheduled if number), None)


def _expected(workload: Workload, nodes: int) -> int:
    if _on_every_node(workload):
        return _scheduled(workload.resource) or nodes
    return 1 if workload.replicas is None else workload.replicas


def _on_every_node(workload: Workload) -> bool:
    return workload.ref.group_kind == kinds.DAEMON_SET


def _scheduled(resource: Resource) -> int | None:
    found = resource.status.get("desiredNumberScheduled")
    return found if isinstance(found, int) else None
