"""Who calls, and how, over the whole of a plan: one history for each workload, asked for any part of it."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

from migrator.model.resource import Ref

from .callers import BEYOND, Sampled, Source, Ways, together
from .paths import Caller


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
                yield Source(
                    self.ref,
                    self.principal,
                    ways,
                    max(since, span.since),
                    min(until, span.until),
                )


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
            self._known[key] = During(self, key)
        return self._known[key]

    def of(self, ref: Ref) -> Member | None:
        """The history of one workload."""
        return self._by_ref.get(ref)

    @cached_property
    def _by_ref(self) -> Mapping[Ref, Member]:
        return {member.ref: member for member in self.members}


class During(Sampled):
    """The callers of a part of the plan."""

    def __init__(self, crowd: Crowd, key: tuple[int, int, frozenset[Ref] | None]) -> None:
        self._crowd = crowd
        self._since, self._until, self._among = key
        super().__init__(crowd.domain, limited=self._among is not None)

    @cached_property
    def all(self) -> Mapping[str, tuple[Source, ...]]:
        """By identity: once for each pair of ways in which its workloads send, from the first moment on."""
        found: dict[str, dict[Ways, Source]] = {}
        for member in self._members():
            for source in member.sources(self._since, self._until):
                known = found.setdefault(source.principal, {})
                other = known.get(source.ways)
                known[source.ways] = source if other is None else together((other, source))
        return {principal: tuple(known.values()) for principal, known in found.items()}

    def _members(self) -> Iterable[Member]:
        if self._among is None:
            return self._crowd.members
        return [m for m in map(self._crowd.of, sorted(self._among)) if m is not None]

    @property
    def waypoints(self) -> frozenset[str]:
        """Identities of waypoints, who call for others only."""
        return self._crowd.waypoints
