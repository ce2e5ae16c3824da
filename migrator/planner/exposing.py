"""What a plan opens and closes against the start, for whom, and between which of its moments.

Each namespace is followed through the steps that it can notice. A call's fate follows from its target's
ways, which change with those steps, and from how its caller sends, which may change with any step.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from migrator.exposure.callers import (
    OUTSIDE,
    may_call,
    principal_of,
    waypoints_of,
    ways_of,
)
from migrator.exposure.change import Change
from migrator.exposure.compare import known_callers
from migrator.exposure.crowd import Crowd, Member, Span
from migrator.exposure.facts import Facts
from migrator.exposure.paths import Caller
from migrator.exposure.state import State
from migrator.exposure.targets import Pair, pairs
from migrator.exposure.ways import Kind, Ways
from migrator.istio.mesh import Mesh
from migrator.istio.workloads import Workload
from migrator.model.resource import Ref
from migrator.steps import AnyStep

from .localities import Localities, Locality
from .plan import Plan
from .touching import touched
from .world import World

Calls = Mapping[Ref, frozenset[Ref]]
_Key = tuple[Ref | None, Ref | None, int]


class Exposed(NamedTuple):
    """One change of a call's fate: from the moment `since` to before the moment `until`."""

    kind: Kind
    change: Change
    since: int
    until: int


class Version(NamedTuple):
    """A locality from one moment on, which `step` has brought about.

    The start is moment 0; step n is under way at 2n + 1 and done at 2n + 2.
    """

    moment: int
    state: State
    step: AnyStep | None = None


class _Run(NamedTuple):
    since: int
    until: int
    ways: Ways


def end_of(plan: Plan) -> int:
    """The moment after the last."""
    return 2 * len(plan.steps()) + 1


def exposed(mesh: Mesh, plan: Plan, calls: Calls | None = None) -> tuple[Exposed, ...]:
    """All that differs from the start at any moment. `calls`: who calls a workload, where that is known."""
    end = end_of(plan)
    found = [(one, versions(one)) for one in Localities(mesh, plan)]
    members = [m for one, known in found for m in _members(one, known, end)]
    waypoints = frozenset().union(
        *(waypoints_of(v.state) for _, known in found for v in (known[0], known[-1]))
    )
    crowd = Crowd(mesh.config.trust_domain, members, waypoints)
    return tuple(
        change for one, known in found for change in _of_locality(one, known, crowd, calls or {})
    )


def versions(locality: Locality) -> tuple[Version, ...]:
    """Each moment at which something in the locality changes, with the state from then on."""
    world = World(locality.mesh)
    found = [Version(0, world.state)]
    for number, step in locality.steps:
        if world.begin(step):
            found.append(Version(2 * number + 1, world.state, step))
        world.end(step)
        found.append(Version(2 * number + 2, world.state, step))
    return tuple(found)


def _members(locality: Locality, known: tuple[Version, ...], end: int) -> Iterator[Member]:
    domain = locality.mesh.config.trust_domain
    for workload in locality.mesh.workloads_in(locality.namespace):
        if may_call(workload):
            spans = tuple(_spans(workload, known, end))
            name = principal_of(domain, workload.namespace, workload.service_account)
            yield Member(workload.ref, name, spans)


def _spans(workload: Workload, known: tuple[Version, ...], end: int) -> Iterator[Span]:
    since, senders = 0, _senders(known[0].state, workload.ref)
    for version in known[1:]:
        now = _senders(version.state, workload.ref)
        if now != senders:
            yield Span(since, version.moment, senders)
            since, senders = version.moment, now
    yield Span(since, end, senders)


def _senders(state: State, ref: Ref) -> frozenset[Caller]:
    workload = state.mesh.workload(ref)
    return ways_of(state, workload) if workload else frozenset()


def _of_locality(
    locality: Locality, known: tuple[Version, ...], crowd: Crowd, calls: Calls
) -> Iterator[Exposed]:
    last = crowd.members[0].spans[-1].until if crowd.members else known[-1].moment + 1
    for run in _runs(locality, known, max(last, known[-1].moment + 1)):
        refs = known_callers(run.ways.pair, calls)
        among = None if refs is None else crowd.during(run.since, run.until, refs)
        for found in run.ways.differences(crowd.during(run.since, run.until), among):
            source = found.source
            since, until = run.since, run.until
            if source is not None and source is not OUTSIDE.source and source.since is not None:
                since, until = source.since, source.until or run.until
            yield Exposed(found.kind, found.change, since, until)


def _runs(locality: Locality, known: tuple[Version, ...], end: int) -> Iterator[_Run]:
    """Each target as long as its ways stay the same."""
    before = Facts.of(known[0].state)
    open_: dict[_Key, _Run] = {}
    last = known[0].state
    for version in known:
        only = touched(last, version.state, version.step) if version.step else None
        last = version.state
        seen = {}
        for pair in _pairs(locality, before, version.state, only):
            run = open_.get(_key(pair))
            seen[_key(pair)] = Ways(
                before, Facts.of(version.state), pair, run.ways if run else None
            )
        for key, run in list(open_.items()):
            gone = key not in seen and _concerns(run, only)
            if gone or (key in seen and not run.ways.leads_as(seen[key])):
                yield open_.pop(key)._replace(until=version.moment)
        for key, ways in seen.items():
            if key not in open_:
                open_[key] = _Run(version.moment, end, ways)
    yield from open_.values()


def _concerns(run: _Run, only: frozenset[Ref] | None) -> bool:
    pair = run.ways.pair
    service = {pair.before.service.ref} if pair.before.service else frozenset[Ref]()
    return only is None or bool(only & (pair.servers | service))


def _pairs(
    locality: Locality, before: Facts, state: State, only: frozenset[Ref] | None
) -> Iterator[Pair]:
    for pair in pairs(before, Facts.of(state), only):
        home = pair.before.service.ref if pair.before.service else min(pair.servers)
        if home.namespace == locality.namespace:
            yield pair


def _key(pair: Pair) -> _Key:
    at = pair.before
    return (
        at.service.ref if at.service else None,
        at.workload.ref if at.workload else None,
        at.port,
    )
