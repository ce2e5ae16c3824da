"""What a plan says of calls that are routed in another way than at the start, and what must be accepted."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from migrator.exposure.shaping import Settings, Shift
from migrator.istio.policies.clientpolicy import CLIENT_POLICY
from migrator.model.finding import Severity
from migrator.model.resource import Ref
from migrator.planner.plan import Acknowledgement, Plan, ReroutedCalls
from migrator.steps import Target

from .course import Course
from .rerouting import Rerouted, rerouted

REROUTES: Final = "PLAN06"
_SHOWN = 8  # identities of callers of a kind
_LOAD_BALANCER = "loadBalancer."
# Findings that say of their object that ambient callers lose it, with the settings that they speak of:
# none named means all.
_SAY_SO: dict[str, frozenset[str]] = {
    **dict.fromkeys(
        ("AMB201", "AMB202", "AMB204", "AMB205", "AMB206", "AMB207", "AMB209", "AMB211", "AMB215",
         "AMB220", "AMB221"),
        frozenset(),
    ),
    "AMB219": CLIENT_POLICY,
    "AMB224": frozenset({"tls"}),
    "AMB227": frozenset({f"{_LOAD_BALANCER}consistentHash"}),
    "AMB228": frozenset({f"{_LOAD_BALANCER}localityLbSetting"}),
    "AMB230": frozenset({f"{_LOAD_BALANCER}warmup"}),
}  # fmt: skip


class Telling(NamedTuple):
    """Reroutes as a plan has them, and what a person must accept of them."""

    reroutes: tuple[ReroutedCalls, ...]
    acknowledgements: tuple[Acknowledgement, ...]


class _Group(NamedTuple):
    """Calls to one Service that differ in the caller and the time only."""

    service: Ref
    was: str
    now: str
    by: Ref | None
    shift: Shift
    stays: bool


def tell(course: Course) -> Telling:
    """One line for all callers of a Service that meet the same."""
    groups: dict[_Group, list[Rerouted]] = {}
    for one in _joined(rerouted(course)):
        stays = one.until >= course.end
        key = _Group(one.service, one.before, one.now, one.where, one.shift, stays)
        groups.setdefault(key, []).append(one)
    accepted = _Accepted(course.plan)
    told: list[ReroutedCalls] = []
    waiting: dict[Ref, list[ReroutedCalls]] = {}
    for group, found in sorted(
        groups.items(), key=lambda g: (g[0].service, min(o.since for o in g[1]))
    ):
        calls = _calls(course, group, found, accepted)
        told.append(calls)
        if group.stays and not accepted.covers(group.shift):
            waiting.setdefault(group.service, []).append(calls)
    return Telling(tuple(told), tuple(_acknowledgement(*one) for one in sorted(waiting.items())))


def _joined(found: Iterable[Rerouted]) -> Iterator[Rerouted]:
    """What goes on through several moments, as one."""
    known: dict[tuple[object, ...], Rerouted] = {}
    for one in sorted(found, key=lambda o: (o.service, o.principal, o.since)):
        key = (one.service, one.principal, one.before, one.now, one.where, one.shift)
        last = known.get(key)
        if last is not None and one.since <= last.until:
            alike = one.alike or last.alike
            known[key] = last._replace(until=max(one.until, last.until), alike=alike)
        else:
            if last is not None:
                yield last
            known[key] = one
    yield from known.values()


class _Accepted:
    """What findings say already, of objects that a person has to accept anyway."""

    def __init__(self, plan: Plan) -> None:
        self._by_object: dict[Ref, list[str]] = {}
        for one in (*plan.blockers, *plan.acknowledgements):
            if one.code in _SAY_SO:
                self._by_object.setdefault(one.target.ref, []).append(one.code)

    def covers(self, found: Shift) -> bool:
        """Whether all that is lost, or done otherwise, is said."""
        return all(any(_says(c, one.name) for c in self._codes(one.of)) for one in _harm(found))

    def said(self, found: Shift) -> tuple[str, ...]:
        return tuple(
            dict.fromkeys(
                f"{code} on {one.of}"
                for one in sorted(_harm(found))
                for code in self._codes(one.of)
                if _says(code, one.name)
            )
        )

    def _codes(self, ref: Ref) -> Sequence[str]:
        return self._by_object.get(ref, ())


def _says(code: str, name: str) -> bool:
    return not _SAY_SO[code] or name in _SAY_SO[code]


def _harm(found: Shift) -> Settings:
    return found.lost | found.changed


def _calls(
    course: Course, group: _Group, found: Sequence[Rerouted], accepted: _Accepted
) -> ReroutedCalls:
    names = sorted({one.principal for one in found if one.principal})
    until = max(one.until for one in found)
    shift = group.shift
    return ReroutedCalls(
        callers=group.now,
        was=group.was,
        identities=tuple(names[:_SHOWN]),
        alike=len(names) > _SHOWN or any(one.alike for one in found),
        target=Target.of(group.service),
        lost=_objects(shift.lost),
        changed=_objects(shift.changed),
        shared=_objects(shift.shared),
        gained=_objects(shift.gained),
        by=f"the waypoint {group.by.namespace}/{group.by.name}" if group.by else "",
        covered=accepted.said(shift) if group.stays else (),
        since=course.step_at(min(one.since for one in found)),
        until="" if group.stays else course.step_at(until),
    )


def _objects(found: Settings) -> tuple[str, ...]:
    by_object: dict[Ref, set[str]] = {}
    for one in found:
        by_object.setdefault(one.of, set()).add(one.name)
    return tuple(f"{ref}: {', '.join(sorted(names))}" for ref, names in sorted(by_object.items()))


def _acknowledgement(service: Ref, found: Sequence[ReroutedCalls]) -> Acknowledgement:
    return Acknowledgement(
        code=REROUTES,
        rule="plan-reroutes",
        severity=Severity.WARNING,
        target=Target.of(service),
        says=". ".join(map(str, found)) + ".",
    )
