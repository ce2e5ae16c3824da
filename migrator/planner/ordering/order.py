"""The order of the switch: L4-only namespaces first, then callers before guarded servers.

In packet experiments callers first with a hand-over per pod had neither an outage nor a hole; servers
first kept everything closed, but cut allowed callers until they had moved. Guarded servers that may call
each other are a knot: no order keeps all of their calls.
"""

from collections.abc import Callable
from dataclasses import dataclass

from migrator.istio.workloads import Workload
from migrator.model.resource import Ref
from migrator.planner.decisions.callers import Callers, possible_callers
from migrator.planner.decisions.layout import Layout

from .fewer import fewer
from .graph import levels
from .knots import Knot
from .units import Unit, in_waves

_ANYBODY = "servers of unknown callers"
Arrange = Callable[[tuple[Workload, ...]], Knot]


@dataclass(frozen=True)
class Order:
    """What moves, wave by wave; the callers of guarded workloads; who may call each other."""

    units: tuple[Unit, ...]
    callers: dict[Ref, Callers]

    @property
    def known_callers(self) -> dict[Ref, frozenset[Ref]]:
        """Of those whom not anybody may call."""
        found = ((ref, one.workloads) for ref, one in self.callers.items())
        return {ref: workloads for ref, workloads in found if workloads is not None}

    @property
    def knots(self) -> tuple[Knot, ...]:
        """In the order in which they begin."""
        found = (knot for unit in self.units for knot in unit.knots)
        return tuple({knot.members: knot for knot in found}.values())


def put_in_order(layout: Layout, arrange: Arrange = Knot) -> Order:
    """Units in the order of their waves; ties by size, then by name. `arrange` puts a knot's members, which
    come in the order of their namespaces' sizes and names, in theirs.
    """
    callers = {
        w.ref: possible_callers(layout.mesh, w, layout.options.calls)
        for w in layout.moving
        if w.ref in layout.guarded
    }
    node = _nodes(layout, callers)
    members: dict[str, list[Workload]] = {}
    for workload in layout.moving:
        members.setdefault(node[workload.ref], []).append(workload)
    homes = {
        name: found[0].namespace
        for name, found in members.items()
        if len(found) == 1 and layout.by_workload(found[0].namespace)
    }
    successors = _successors(node, callers)
    units: list[Unit] = []
    for level, groups in enumerate(fewer(levels(successors), successors, homes)):
        found = [tuple(w for name in group for w in members.get(name, ())) for group in groups]
        units += in_waves(layout, level, found, arrange)
    return Order(tuple(units), callers)


def _nodes(layout: Layout, callers: dict[Ref, Callers]) -> dict[Ref, str]:
    """What each moves with: its namespace, itself, or all servers that anybody may call."""
    unknown = {ref for ref, found in callers.items() if found.workloads is None}
    return {w.ref: _ANYBODY if w.ref in unknown else _home(layout, w) for w in layout.moving}


def _successors(node: dict[Ref, str], callers: dict[Ref, Callers]) -> dict[str, set[str]]:
    """Who is called, by who calls."""
    successors: dict[str, set[str]] = {name: set() for name in node.values()}
    for ref, found in callers.items():
        for caller in found.workloads or ():
            if caller in node and node[caller] != node[ref]:
                successors[node[caller]].add(node[ref])
    if _ANYBODY in successors:
        for name, following in successors.items():
            if name != _ANYBODY:
                following.add(_ANYBODY)
    return successors


def _home(layout: Layout, workload: Workload) -> str:
    if layout.by_workload(workload.namespace):
        return f"workload {workload.ref}"
    return f"namespace {workload.namespace}"
