"""What two states of a mesh open and close, for whom: all requests that policies tell apart, not samples.

A state in the middle of a rollout has pods of two generations: a request that may succeed on one pod and
fail on another can do both. `opens`: what could not succeed before and can now. `closes`: what could not
fail before and can now.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from functools import cached_property
from typing import NamedTuple

from migrator.model.resource import Ref

from .callers import Callers, Sample
from .change import Change, change_of, of_protocol, of_too_many
from .enforcing import Enforcing
from .facts import Facts
from .paths import Caller, Path
from .policies import Atom, Level
from .requests import Requests, distinguishing, in_words
from .state import State
from .targets import Pair, pairs
from .verdict import Answer, Verdict, identity, judge, paths_to


class _Kind(Enum):
    OPENS = "opens"
    CLOSES = "closes"
    UNKNOWN = "unknown"


_ALL = frozenset(_Kind)
_OPENS = frozenset({_Kind.OPENS, _Kind.UNKNOWN})
_CLOSES = frozenset({_Kind.CLOSES})
_SENDERS = (
    Caller.SIDECAR,
    Caller.AMBIENT,
    Caller.GATEWAY,
    Caller.OUTSIDE,
    Caller.PROXYLESS,
    Caller.PENDING,
)


class Difference(NamedTuple):
    """`unknown` holds what may open or close, with the reason why nobody can say."""

    opens: tuple[Change, ...]
    closes: tuple[Change, ...]
    unknown: tuple[Change, ...]

    def __bool__(self) -> bool:
        return any(self)


def compare(
    before: State,
    after: State,
    *,
    only: frozenset[Ref] | None = None,
    calls: Mapping[Ref, frozenset[Ref]] | None = None,
) -> Difference:
    """What `after` opens and closes against `before`.

    `only`: Services and workloads to look at; None for all. `calls`: who calls a workload, where that is
    known: others are not said to be refused. An opening counts for everybody: nobody has to keep to a
    call graph.
    """
    return _Comparison(before, after, calls or {}).difference(only)


class _Comparison:
    def __init__(self, before: State, after: State, calls: Mapping[Ref, frozenset[Ref]]) -> None:
        self._before, self._after, self._calls = Facts.of(before), Facts.of(after), calls
        self._everybody = Callers(before, after)
        self._some: dict[frozenset[Ref], Callers] = {}

    def difference(self, only: frozenset[Ref] | None) -> Difference:
        found: dict[_Kind, dict[Change, None]] = {kind: {} for kind in _Kind}
        for pair in pairs(self._before, self._after, only):
            if pair.before.levels != pair.after.levels:
                found[_Kind.UNKNOWN][of_protocol(pair)] = None
                continue
            for level in pair.before.levels:
                for kind, change in self._of_pair(pair, level):
                    found[kind][change] = None
        return Difference(*(tuple(found[kind]) for kind in _Kind))

    def _of_pair(self, pair: Pair, level: Level) -> Iterator[tuple[_Kind, Change]]:
        ways = _Ways(self._before, self._after, pair)
        if not ways.differ and not self._everybody.moved:
            return
        known = self._callers_of(pair)
        wanted: tuple[tuple[Callers, frozenset[_Kind]], ...] = ((self._everybody, _ALL),)
        if known is not None:
            wanted = ((self._everybody, _OPENS), (known, _CLOSES))
        yield from self._of_callers(wanted, ways, level)
        if not ways.is_complete(level):
            yield _Kind.UNKNOWN, of_too_many(pair)

    def _of_callers(
        self, wanted: Iterable[tuple[Callers, frozenset[_Kind]]], ways: "_Ways", level: Level
    ) -> Iterator[tuple[_Kind, Change]]:
        seen: set[tuple[_Kind, tuple[object, ...]]] = set()
        for callers, kinds in wanted:
            for sample in callers.samples(ways.atoms(level)):
                for kind, change in _of_sample(ways, level, sample):
                    key = (kind, change._replace(request=""))
                    if kind in kinds and key not in seen:
                        seen.add(key)
                        yield kind, change

    def _callers_of(self, pair: Pair) -> Callers | None:
        """Those who are known to call it; None where anybody may."""
        found = [self._calls.get(ref) for ref in pair.servers]
        if not found or any(one is None for one in found):
            return None
        refs = frozenset(ref for one in found for ref in one or ())
        if refs not in self._some:
            self._some[refs] = Callers(self._before.state, self._after.state, refs)
        return self._some[refs]


class _Ways:
    """The paths to one target in both states, by how a caller sends."""

    def __init__(self, before: Facts, after: Facts, pair: Pair) -> None:
        self.pair = pair
        self._before = {one: tuple(paths_to(before, one, pair.before)) for one in _SENDERS}
        self._after = {one: tuple(paths_to(after, one, pair.after)) for one in _SENDERS}
        self._requests: dict[Level, Requests] = {}

    @property
    def differ(self) -> bool:
        return any(_keys(self._before[one]) != _keys(self._after[one]) for one in _SENDERS)

    def of(self, sample: Sample) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
        before, after = sample.source.ways
        return (
            tuple(way for one in sorted(before) for way in self._before.get(one, ())),
            tuple(way for one in sorted(after) for way in self._after.get(one, ())),
        )

    @cached_property
    def enforcers(self) -> tuple[Enforcing, ...]:
        every = (*self._before.values(), *self._after.values())
        return tuple(
            dict.fromkeys(hop.enforcing for ways in every for way in ways for hop in way.hops)
        )

    def atoms(self, level: Level) -> tuple[Atom, ...]:
        return tuple(atom for one in self.enforcers for atom in one.atoms(level))

    def is_complete(self, level: Level) -> bool:
        """Whether every combination was looked at; true where nobody had to look."""
        return level not in self._requests or self._requests[level].complete

    def requests(self, level: Level) -> Requests:
        if level not in self._requests:
            self._requests[level] = distinguishing(self.enforcers, level)
        return self._requests[level]


def _keys(ways: Iterable[Path]) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    for way in ways:
        if way.key not in found:
            found.append(way.key)
    return found


def _of_sample(ways: _Ways, level: Level, sample: Sample) -> Iterator[tuple[_Kind, Change]]:
    before, after = ways.of(sample)
    if not before or not after or _keys(before) == _keys(after):
        return
    who = identity(sample.source.principal)
    requests = ways.requests(level)
    for choice in requests.choices:
        values = {**choice, **who}
        then = {judge(way, values, level): way for way in before}
        now = {judge(way, values, level): way for way in after}
        for kind in _kinds(then, now):
            told = _told(kind, then, now)
            request = in_words(choice, level, ways.atoms(level))
            yield (
                kind if sample.is_seen else _Kind.UNKNOWN,
                change_of(ways.pair, sample, request, told),
            )


def _told(
    kind: _Kind, then: Mapping[Verdict, Path], now: Mapping[Verdict, Path]
) -> tuple[Verdict, Path, Path]:
    """The verdict that the change is about, and the ways before and now."""
    wanted = {
        _Kind.OPENS: (Answer.DENIED, Answer.ALLOWED),
        _Kind.CLOSES: (Answer.ALLOWED, Answer.DENIED),
    }.get(kind)
    was = [v for v in then if wanted is None or v.answer is wanted[0]] or [*then]
    is_ = [v for v in now if wanted is None or v.answer is wanted[1]] or [*now]
    unsure = next((v for v in (*is_, *was) if v.answer is Answer.UNKNOWN), is_[0])
    about = {_Kind.OPENS: was[0], _Kind.CLOSES: is_[0]}.get(kind, unsure)
    return about, then[was[0]], now[is_[0]]


def _kinds(then: Iterable[Verdict], now: Iterable[Verdict]) -> Iterator[_Kind]:
    was, is_ = {v.answer for v in then}, {v.answer for v in now}
    if was == is_:
        return
    unsure = Answer.UNKNOWN in was | is_
    if Answer.ALLOWED in is_ - was:
        yield _Kind.UNKNOWN if Answer.UNKNOWN in was else _Kind.OPENS
    if Answer.DENIED in is_ - was:
        yield _Kind.UNKNOWN if Answer.UNKNOWN in was else _Kind.CLOSES
    if unsure and Answer.UNKNOWN in is_ - was:
        yield _Kind.UNKNOWN
