"""A namespace through the steps of a plan: its states, who calls from it, and the ways to its targets."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

from migrator.exposure.callers import may_call, principal_of, waypoints_of, ways_of
from migrator.exposure.calling import Caller
from migrator.exposure.crowd import Member, Span
from migrator.exposure.facts import Facts
from migrator.exposure.routing import Bound
from migrator.exposure.state import State
from migrator.exposure.targets import Pair, pairs
from migrator.exposure.ways import Ways
from migrator.istio.workloads import Workload
from migrator.model.resource import Ref
from migrator.steps import AnyStep

from .localities import Locality
from .touching import touched
from .world import World

Key = tuple[Ref | None, Ref | None, int]


class Version(NamedTuple):
    """A locality from one moment on, which `step` has brought about.

    The start is moment 0; step n is under way at 2n + 1 and done at 2n + 2.
    """

    moment: int
    state: State
    step: AnyStep | None = None


class Run(NamedTuple):
    """A target as long as its ways stay the same."""

    since: int
    until: int
    ways: Ways


class History:
    """Of one locality; `end` is the moment after the last."""

    def __init__(self, locality: Locality, end: int) -> None:
        self.locality = locality
        self.end = end

    @cached_property
    def moments(self) -> tuple[int, ...]:
        """Where a step that it can notice begins or ends, between the start and the end."""
        steps = (m for number, _ in self.locality.steps for m in (2 * number + 1, 2 * number + 2))
        return (0, *steps, self.end)

    @property
    def versions(self) -> tuple[Version, ...]:
        """Each moment at which something changes, with the state from then on."""
        return self._walked[0]

    @property
    def world(self) -> World:
        """As it is at the end."""
        return self._walked[1]

    @cached_property
    def _walked(self) -> tuple[tuple[Version, ...], World]:
        world = World(self.locality.mesh())
        found = [Version(0, world.state)]
        for number, step in self.locality.steps:
            if world.begin(step):
                found.append(Version(2 * number + 1, world.state, step))
            world.end(step)
            found.append(Version(2 * number + 2, world.state, step))
        return tuple(found), world

    @cached_property
    def members(self) -> tuple[Member, ...]:
        """Who calls from here."""
        mesh = self.versions[0].state.mesh
        return tuple(
            Member(
                w.ref,
                principal_of(mesh.config.trust_domain, w.namespace, w.service_account),
                tuple(self._spans(w)),
            )
            for w in mesh.workloads_in(self.locality.namespace)
            if may_call(w)
        )

    @cached_property
    def waypoints(self) -> frozenset[str]:
        """Identities of waypoints, of the start and of the end."""
        return waypoints_of(self.versions[0].state) | waypoints_of(self.versions[-1].state)

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """Every target of the namespace, from the start to the end."""
        return tuple(self.runs_of(self.versions, self.end))

    def runs_of(self, versions: tuple[Version, ...], end: int) -> Iterator[Run]:
        """The same of other versions, against the same start."""
        return _Runs(self, versions, end).all()

    def bindings(self, ref: Ref) -> tuple[tuple[int, Bound], ...]:
        """The waypoint that a Service is bound to, from each moment at which that changes."""
        found: list[tuple[int, Bound]] = []
        for moment, state, _ in self.versions:
            service = state.mesh.services.get(ref)
            bound = Bound.of(state, service) if service else Bound()
            if not found or found[-1][1] != bound:
                found.append((moment, bound))
        return tuple(found)

    def _spans(self, workload: Workload) -> Iterator[Span]:
        since, senders = 0, _senders(self.versions[0].state, workload.ref)
        for version in self.versions[1:]:
            now = _senders(version.state, workload.ref)
            if now != senders:
                yield Span(since, version.moment, senders)
                since, senders = version.moment, now
        yield Span(since, self.end, senders)


def _senders(state: State, ref: Ref) -> frozenset[Caller]:
    workload = state.mesh.workload(ref)
    return ways_of(state, workload) if workload else frozenset()


class _Runs:
    def __init__(self, history: History, versions: tuple[Version, ...], end: int) -> None:
        self._history, self._versions, self._end = history, versions, end
        self._before = Facts.of(history.versions[0].state)
        self._open: dict[Key, Run] = {}

    def all(self) -> Iterator[Run]:
        last = self._versions[0].state
        for version in self._versions:
            only = touched(last, version.state, version.step) if version.step else None
            last = version.state
            seen = dict(self._ways(version.state, only))
            yield from self._closed(seen, only, version.moment)
            for key, ways in seen.items():
                self._open.setdefault(key, Run(version.moment, self._end, ways))
        yield from self._open.values()

    def _ways(self, state: State, only: frozenset[Ref] | None) -> Iterator[tuple[Key, Ways]]:
        after = Facts.of(state)
        for pair in pairs(self._before, after, only):
            home = pair.before.service.ref if pair.before.service else min(pair.servers)
            if home.namespace == self._history.locality.namespace:
                run = self._open.get(key_of(pair))
                yield key_of(pair), Ways(self._before, after, pair, run.ways if run else None)

    def _closed(
        self, seen: Mapping[Key, Ways], only: frozenset[Ref] | None, moment: int
    ) -> Iterator[Run]:
        for key, run in list(self._open.items()):
            gone = key not in seen and _concerns(run, only)
            if gone or (key in seen and not run.ways.leads_as(seen[key])):
                yield self._open.pop(key)._replace(until=moment)


def _concerns(run: Run, only: frozenset[Ref] | None) -> bool:
    pair = run.ways.pair
    service = {pair.before.service.ref} if pair.before.service else frozenset[Ref]()
    return only is None or bool(only & (pair.servers | service))


def key_of(pair: Pair) -> Key:
    """What tells the target from others."""
    at = pair.before
    return (
        at.service.ref if at.service else None,
        at.workload.ref if at.workload else None,
        at.port,
    )
