"""What moves together in one wave."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from migrator.istio.workloads import Workload
from migrator.planner.decisions.layout import Layout

from .knots import Knot


@dataclass(frozen=True)
class Unit:
    """What moves together: a whole namespace (`flip`), or workloads of one namespace."""

    namespace: str
    workloads: tuple[Workload, ...]
    flip: bool
    level: int
    knots: tuple[Knot, ...] = ()


def in_waves(
    layout: Layout,
    level: int,
    groups: Iterable[tuple[Workload, ...]],
    arrange: Callable[[tuple[Workload, ...]], Knot],
) -> Iterator[Unit]:
    """The units of one level, small ones first. Those of one namespace share a wave; a knot that leads
    through several namespaces has waves of its own, one after the other.
    """
    apart: list[tuple[Unit, ...]] = []
    singles: dict[str, list[Workload]] = {}
    tied: dict[str, list[Knot]] = {}
    for group in groups:
        if sum(w.ref in layout.guarded for w in group) < 2:
            for workload in group:
                singles.setdefault(workload.namespace, []).append(workload)
            continue
        knot = arrange(_by_size(group))
        homes = {w.namespace for w in group}
        if len(homes) == 1:
            tied.setdefault(homes.pop(), []).append(knot)
        else:
            apart.append(tuple(_through(knot, level)))
    for namespace, found in singles.items():
        flip = not layout.by_workload(namespace)
        found.sort(key=lambda w: (w.ref in layout.better_last, w.ref))
        apart.append((Unit(namespace, tuple(found), flip, level),))
    for namespace, knots in tied.items():
        knots.sort(key=lambda knot: min(w.ref for w in knot.members))
        together = tuple(w for knot in knots for w in knot.members)
        apart.append((Unit(namespace, together, flip=False, level=level, knots=tuple(knots)),))
    for units in sorted(apart, key=_rank):
        yield from units


def _by_size(workloads: Iterable[Workload]) -> tuple[Workload, ...]:
    ordered = sorted(workloads, key=lambda w: (w.namespace, w.ref))
    homes = [tuple(found) for _, found in groupby(ordered, key=lambda w: w.namespace)]
    return tuple(w for home in sorted(homes, key=len) for w in home)


def _through(knot: Knot, level: int) -> Iterator[Unit]:
    for namespace, found in groupby(knot.members, key=lambda w: w.namespace):
        yield Unit(namespace, tuple(found), flip=False, level=level, knots=(knot,))


def _rank(units: tuple[Unit, ...]) -> tuple[bool, int, str, bool]:
    first = units[0]
    size = sum(len(unit.workloads) for unit in units)
    return (not first.flip, size, first.namespace, bool(first.knots))
