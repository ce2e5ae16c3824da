"""A call graph out of Istio's metrics: their names brought to the workloads and Services of the source.

Proxies name a workload after its controller, without the kind, or after the pod's label
`service.istio.io/workload-name` (istio/pkg/kube/util.go, GetWorkloadMetaFromPod), and say `unknown` for a
peer that no proxy vouches for. One name may be several workloads of different kinds: each of them counts,
because a caller too many costs order and a caller too few costs calls.
"""

from collections.abc import Iterable
from typing import NamedTuple

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.workloads import Role, Workload
from migrator.model.resource import Ref

from .calls import Call, Callee, Caller, CallGraph, Measured

_NOBODY = frozenset({"", "unknown"})
_NAME_LABEL = "service.istio.io/workload-name"


class Flow(NamedTuple):
    """Who called what, in the words of the metrics; each name with its namespace."""

    source: tuple[str, str]
    workload: tuple[str, str]
    service: tuple[str, str]


def measured_graph(mesh: Mesh, flows: Iterable[Flow], measured: Measured) -> CallGraph:
    """The partial graph that `flows` prove; what they name and the source does not know is listed."""
    places = _Places(mesh)
    calls: set[Call] = set()
    outside: set[Callee] = set()
    unplaced: set[str] = set()
    for flow in set(flows):
        callees = places.callees(flow)
        callers = places.callers(flow)
        if not callees and flow.workload[1] not in _NOBODY:
            unplaced.add("called {}/{}".format(*flow.workload))
        if flow.source[1] in _NOBODY:
            outside |= callees
        elif callees and not callers:
            unplaced.add("caller {}/{}".format(*flow.source))
        calls |= {Call.model_validate({"from": a, "to": b}) for a in callers for b in callees}
    return CallGraph(
        calls=tuple(sorted(calls, key=lambda c: (str(c.callee), str(c.caller)))),
        measured=measured.model_copy(
            update={
                "outside": tuple(sorted(outside, key=str)),
                "unplaced": tuple(sorted(unplaced)),
            }
        ),
    )


def callees_of(mesh: Mesh, workload: Workload) -> frozenset[Callee]:
    """Every way in which a call graph names `workload` as the one that is called."""
    services = (
        Callee(namespace=s.namespace, service=s.name) for s in mesh.services.of_workload(workload)
    )
    itself = Callee(namespace=workload.namespace, kind=workload.ref.kind, workload=workload.name)
    return frozenset({*services, itself})


class _Places:
    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._named: dict[tuple[str, str], list[Workload]] = {}
        for workload in mesh.workloads:
            name = workload.labels.get(_NAME_LABEL) or workload.name
            self._named.setdefault((workload.namespace, name), []).append(workload)

    def callers(self, flow: Flow) -> frozenset[Caller]:
        return frozenset(_caller(w) for w in self._named.get(flow.source, ()))

    def callees(self, flow: Flow) -> frozenset[Callee]:
        """The Service; and the workload itself where no such Service leads to it."""
        namespace, name = flow.service
        service = self._mesh.services.get(Ref(*kinds.SERVICE, namespace, name))
        found = set() if service is None else {Callee(namespace=namespace, service=name)}
        behind = self._mesh.services.workloads(service) if service else ()
        for workload in self._named.get(flow.workload, ()):
            if workload.role is Role.APP and workload not in behind:
                found.add(
                    Callee(
                        namespace=workload.namespace, kind=workload.ref.kind, workload=workload.name
                    )
                )
        return frozenset(found)


def _caller(workload: Workload) -> Caller:
    if workload.role is Role.APP:
        return Caller(namespace=workload.namespace, kind=workload.ref.kind, name=workload.name)
    return Caller(gateway=f"{workload.namespace}/{workload.name}")
