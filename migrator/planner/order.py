"""The order of the switch: L4-only namespaces first, then callers before guarded servers.

In packet experiments callers first with a hand-over per pod had neither an outage nor a hole; servers
first kept everything closed, but cut allowed callers until they had moved.
"""

from dataclasses import dataclass

from migrator.istio.workloads import Workload
from migrator.model.resource import Ref

from .callers import Callers, possible_callers
from .graph import levels
from .layout import Layout

_ANYBODY = "servers of unknown callers"


@dataclass(frozen=True)
class Unit:
    """What moves together: a whole namespace (`flip`), or workloads of one namespace."""

    namespace: str
    workloads: tuple[Workload, ...]
    flip: bool
    level: int
    among: tuple[str, ...]  # names of guarded workloads of the unit that may call each other


@dataclass(frozen=True)
class Order:
    units: tuple[Unit, ...]
    callers: dict[Ref, Callers]


def put_in_order(layout: Layout) -> Order:
    """Units in the order of their waves; ties by size, then by name."""
    home = {w.ref: _home(layout, w) for w in layout.moving}
    callers = {
        w.ref: possible_callers(layout.mesh, w, layout.options.calls)
        for w in layout.moving
        if w.ref in layout.guarded
    }
    unknown = {ref for ref, found in callers.items() if found.workloads is None}
    node = {ref: _ANYBODY if ref in unknown else name for ref, name in home.items()}
    successors: dict[str, set[str]] = {name: set() for name in node.values()}
    for ref, found in callers.items():
        for caller in found.workloads or ():
            if caller in node and node[caller] != node[ref]:
                successors[node[caller]].add(node[ref])
    if unknown:
        for name, following in successors.items():
            if name != _ANYBODY:
                following.add(_ANYBODY)
    members: dict[str, list[Workload]] = {}
    for workload in layout.moving:
        members.setdefault(node[workload.ref], []).append(workload)
    units = [
        unit
        for level, groups in enumerate(levels(successors))
        for group in groups
        for unit in _units(layout, level, group, members)
    ]
    return Order(tuple(sorted(_merged(units), key=_rank)), callers)


def _home(layout: Layout, workload: Workload) -> str:
    if layout.by_workload(workload.namespace):
        return f"workload {workload.ref}"
    return f"namespace {workload.namespace}"


def _units(
    layout: Layout, level: int, group: tuple[str, ...], members: dict[str, list[Workload]]
) -> list[Unit]:
    together = [w for name in group for w in members.get(name, ())]
    guarded = sorted(str(w.ref) for w in together if w.ref in layout.guarded)
    among = tuple(guarded) if len(guarded) > 1 else ()
    by_namespace: dict[str, list[Workload]] = {}
    for workload in together:
        by_namespace.setdefault(workload.namespace, []).append(workload)
    return [
        Unit(
            namespace,
            tuple(sorted(found, key=lambda w: w.ref)),
            not layout.by_workload(namespace),
            level,
            among,
        )
        for namespace, found in sorted(by_namespace.items())
    ]


def _merged(units: list[Unit]) -> list[Unit]:
    """Workloads of one namespace and level that do not wait for each other share a wave."""
    merged: dict[tuple[int, str, bool], Unit] = {}
    for unit in units:
        key = (unit.level, unit.namespace, bool(unit.among))
        known = merged.get(key)
        if known is not None:
            together = (*known.workloads, *unit.workloads)
            unit = Unit(  # noqa: PLW2901
                unit.namespace,
                tuple(sorted(together, key=lambda w: w.ref)),
                unit.flip,
                unit.level,
                tuple(sorted({*known.among, *unit.among})),
            )
        merged[key] = unit
    return list(merged.values())


def _rank(unit: Unit) -> tuple[int, bool, int, str, bool]:
    return (unit.level, not unit.flip, len(unit.workloads), unit.namespace, bool(unit.among))
