"""Who calls, and how, over the whole of a plan: one history for each workload, asked for any part of it.

Asked is mostly whether some caller that no policy names sends in a certain way: that is looked up, not
searched among everybody.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import islice
from typing import NamedTuple

from migrator.model.resource import Ref

from .callers import BEYOND, Pattern, Sample, Sampled, Source, Ways, together
from .calling import Caller

_FEW = 64


class Span(NamedTuple):
    """How a workload's pods send from one moment to before another."""

    since: int
    until: int
    senders: frozenset[Caller]


class Member(NamedTuple):
    """A workload that calls. Its first span begins with the plan."""

    ref: Ref
    principal: str
    spans: tuple[Span, ...]

    def sources(self, since: int, until: int) -> Iterator[Source]:
        """As it sends between two moments, against the start."""
        before = self.spans[0].senders
        for span in self.spans:
            ways = (before, span.senders)
            if span.since < until and span.until > since and ways != BEYOND:
                start, end = max(since, span.since), min(until, span.until)
                yield Source(self.ref, self.principal, ways, start, end)


class Histories:
    """All spans with one pair of ways, in the order of their beginnings, and of their ends."""

    def __init__(self, found: list[tuple[int, int, Member]]) -> None:
        self._by_start = sorted(found, key=lambda one: (one[0], -one[1], one[2].ref))
        self._by_end = sorted(found, key=lambda one: (-one[1], one[0], one[2].ref))
        self._starts = [one[0] for one in self._by_start]
        self._ends = sorted(one[1] for one in found)
        self._longest = max(one[1] - one[0] for one in found)

    def count(self, since: int, until: int) -> int:
        """How many go on at some time between two moments."""
        return bisect_left(self._starts, until) - bisect_right(self._ends, since)

    def first(self, since: int, until: int) -> Iterator[tuple[int, int, Member]]:
        """Those that go on between two moments, the earliest first."""
        begin = bisect_left(self._starts, since - self._longest)
        for one in islice(self._by_start, begin, None):
            if one[0] >= until:
                return
            if one[1] > since:
                yield one

    def last(self, since: int, until: int) -> Iterator[tuple[int, int, Member]]:
        """The same, those that end last first."""
        for one in self._by_end:
            if one[1] <= since:
                return
            if one[0] < until:
                yield one


class Crowd:
    """Everybody; `waypoints` are the identities of waypoints, who call for others only."""

    def __init__(
        self, domain: str, members: Iterable[Member], waypoints: frozenset[str] = frozenset()
    ) -> None:
        self.domain = domain
        self.members = tuple(members)
        self.waypoints = waypoints
        self._known: dict[tuple[int, int, frozenset[Ref] | None], During] = {}

    def during(self, since: int, until: int, among: frozenset[Ref] | None = None) -> "During":
        """The callers from one moment to before another; `among` limits them to these workloads."""
        key = (since, until, among)
        if key not in self._known:
            if len(self._known) > _FEW:
                self._known.clear()
            self._known[key] = During(self, key)
        return self._known[key]

    def of(self, ref: Ref) -> Member | None:
        """The history of one workload."""
        return self._by_ref.get(ref)

    def named(self, principal: str) -> tuple[Member, ...]:
        """The workloads with this identity."""
        return self._by_principal.get(principal, ())

    def within(self, namespace: str) -> tuple[Member, ...]:
        """The workloads of a namespace."""
        return self._by_namespace.get(namespace, ())

    @cached_property
    def histories(self) -> Mapping[Ways, Histories]:
        """By how they sent at the start and how they do then."""
        found: dict[Ways, list[tuple[int, int, Member]]] = {}
        for member in self.members:
            before = member.spans[0].senders
            for span in member.spans:
                ways = (before, span.senders)
                if ways != BEYOND:
                    found.setdefault(ways, []).append((span.since, span.until, member))
        return {ways: Histories(known) for ways, known in found.items()}

    @cached_property
    def _by_ref(self) -> Mapping[Ref, Member]:
        return {member.ref: member for member in self.members}

    @cached_property
    def _by_principal(self) -> Mapping[str, tuple[Member, ...]]:
        found: dict[str, list[Member]] = {}
        for member in self.members:
            found.setdefault(member.principal, []).append(member)
        return {name: tuple(known) for name, known in found.items()}

    @cached_property
    def _by_namespace(self) -> Mapping[str, tuple[Member, ...]]:
        found: dict[str, list[Member]] = {}
        for member in self.members:
            found.setdefault(member.ref.namespace, []).append(member)
        return {name: tuple(known) for name, known in found.items()}


class During(Sampled):
    """The callers of a part of the plan."""

    def __init__(self, crowd: Crowd, key: tuple[int, int, frozenset[Ref] | None]) -> None:
        self._crowd = crowd
        self._since, self._until, self._among = key
        super().__init__(crowd.domain, limited=self._among is not None)

    @cached_property
    def all(self) -> Mapping[str, tuple[Source, ...]]:
        """By identity: once for each pair of ways in which its workloads send, from the first moment on."""
        found: dict[str, list[Source]] = {}
        for member in self._members():
            for source in member.sources(self._since, self._until):
                found.setdefault(source.principal, []).append(source)
        return {principal: _once(known) for principal, known in found.items()}

    def named(self, principal: str) -> tuple[Source, ...]:
        """The callers with this identity."""
        if self._among is not None:
            return self.all.get(principal, ())
        members = self._crowd.named(principal)
        return _once(s for m in members for s in m.sources(self._since, self._until))

    def is_known(self, principal: str) -> bool:
        """Whether the identity is somebody's."""
        return bool(self.named(principal)) or principal in self._crowd.waypoints

    @cached_property
    def moved(self) -> bool:
        """Whether somebody sends in another way than before."""
        if self._among is not None:
            return any(s.ways[0] != s.ways[1] for known in self.all.values() for s in known)
        return any(
            ways[0] != ways[1] and known.count(self._since, self._until) > 0
            for ways, known in self._crowd.histories.items()
        )

    def others(
        self, named: frozenset[str], namespaces: set[str], wild: frozenset[Pattern]
    ) -> Iterator[Sample]:
        """One of each class that no policy names."""
        if wild or self._among is not None:
            yield from super().others(named, namespaces, wild)
            return
        for namespace in sorted(namespaces):
            here = [m for m in self._crowd.within(namespace) if m.principal not in named]
            by_ways: dict[Ways, list[Source]] = {}
            for source in (s for m in here for s in m.sources(self._since, self._until)):
                by_ways.setdefault(source.ways, []).append(source)
            yield from (_class_of(known) for known in by_ways.values())
        for ways, known in self._crowd.histories.items():
            yield from self._elsewhere(ways, known, named, namespaces)

    def _elsewhere(
        self, ways: Ways, known: Histories, named: frozenset[str], namespaces: set[str]
    ) -> Iterator[Sample]:
        def counts(one: tuple[int, int, Member]) -> bool:
            member = one[2]
            return member.principal not in named and member.ref.namespace not in namespaces

        early = filter(counts, known.first(self._since, self._until))
        first = next(early, None)
        if first is None:
            return
        principal = first[2].principal
        alone = all(one[2].principal == principal for one in early)
        last = next(filter(counts, known.last(self._since, self._until)), first)
        start, end = max(first[0], self._since), min(last[1], self._until)
        yield Sample(Source(first[2].ref, principal, ways, start, end), alone)

    def _members(self) -> Iterable[Member]:
        if self._among is None:
            return self._crowd.members
        return [m for m in map(self._crowd.of, sorted(self._among)) if m is not None]


def _once(sources: Iterable[Source]) -> tuple[Source, ...]:
    found: dict[Ways, Source] = {}
    for source in sources:
        other = found.get(source.ways)
        found[source.ways] = source if other is None else together((other, source))
    return tuple(found.values())


def _class_of(sources: list[Source]) -> Sample:
    return Sample(together(sources), alone=len({one.principal for one in sources}) == 1)
