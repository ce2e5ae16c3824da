"""The ways to one target in two states, and what becomes of the requests of one class of callers on them."""

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from functools import cached_property
from typing import NamedTuple, Protocol

from .callers import Sample, Source
from .calling import Caller
from .change import Change, change_of, of_protocol, of_too_many
from .enforcing import Enforcing
from .facts import Facts
from .paths import Path
from .policies import Atom, Level
from .reach import Reach, keys_of, told_apart
from .requests import Requests, distinguishing, in_words
from .targets import Pair
from .verdict import Answer, Verdict, identity, judge


class Kind(Enum):
    """What a difference between two states does."""

    OPENS = "opens"
    CLOSES = "closes"
    UNKNOWN = "unknown"


_ALL = frozenset(Kind)
_OPENS = frozenset({Kind.OPENS, Kind.UNKNOWN})
_CLOSES = frozenset({Kind.CLOSES})


class Found(NamedTuple):
    """A difference, and the caller that shows it; None where nobody in particular does."""

    kind: Kind
    change: Change
    source: Source | None = None
    level: Level | None = None


class Asked(Protocol):
    """Who may call."""

    @property
    def moved(self) -> bool:
        """Whether somebody sends in another way than before."""

    def samples(self, atoms: Iterable[Atom]) -> tuple[Sample, ...]:
        """One caller of each class that the fields about identity tell apart."""


class Ways:
    """The paths to one target in both states, by how a caller sends."""

    def __init__(
        self, before: Facts, after: Facts, pair: Pair, known: "Ways | None" = None
    ) -> None:
        """`known` are other ways of the same target from the same first state."""
        self.pair = pair
        self.before: Reach = Reach(before, pair.before) if known is None else known.before
        self.after = Reach(after, pair.after)
        self._requests: dict[Level, Requests] = {}

    def differences(self, everybody: Asked, known: Asked | None) -> Iterator[Found]:
        """What the later state opens and closes; only for `known` callers it closes, where they are told."""
        pair = self.pair
        if pair.before.levels != pair.after.levels:
            yield Found(Kind.UNKNOWN, of_protocol(pair))
            return
        if not self.differ and not everybody.moved:
            return
        wanted: tuple[tuple[Asked, frozenset[Kind]], ...] = ((everybody, _ALL),)
        if known is not None:
            wanted = ((everybody, _OPENS), (known, _CLOSES))
        for level in pair.before.levels:
            yield from self._of_callers(wanted, level)
            if not self.is_complete(level):
                yield Found(Kind.UNKNOWN, of_too_many(pair))

    def _of_callers(
        self, wanted: Iterable[tuple[Asked, frozenset[Kind]]], level: Level
    ) -> Iterator[Found]:
        seen: set[tuple[object, ...]] = set()
        for callers, kinds in wanted:
            for sample in callers.samples(self.atoms(level)):
                for kind, change in of_sample(self, level, sample):
                    key = (kind, change._replace(request=""), sample.source)
                    if kind in kinds and key not in seen:
                        seen.add(key)
                        yield Found(kind, change, sample.source, level)

    @property
    def differ(self) -> bool:
        """Whether anything on some way is another thing than before."""
        return _differ(self.before, self.after)

    def leads_as(self, other: "Ways") -> bool:
        """Whether the later ways of both are the same."""
        return not _differ(self.after, other.after)

    def beyond(self, other: "Ways") -> frozenset[Caller]:
        """How those send who meet on these later ways what they do not meet on the other's."""
        own, known = self.after, other.after
        return frozenset(
            one.caller
            for one in (*own.keys, *known.keys)
            if any(key not in known.keys_of(one) for key in own.keys_of(one))
        )

    def of(self, sample: Sample) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
        """The ways of this caller, before and after."""
        home = identity(sample.source.principal)["namespace"] or ""
        before, after = sample.source.ways
        return (
            tuple(way for one in sorted(before) for way in self.before.of(one, home)),
            tuple(way for one in sorted(after) for way in self.after.of(one, home)),
        )

    @cached_property
    def enforcers(self) -> tuple[Enforcing, ...]:
        return tuple(dict.fromkeys((*self.before.enforcers(), *self.after.enforcers())))

    def atoms(self, level: Level) -> tuple[Atom, ...]:
        """What is asked on some way, and what else tells callers apart."""
        homes = self.before.homes | self.after.homes
        return (*(atom for one in self.enforcers for atom in one.atoms(level)), *told_apart(homes))

    def is_complete(self, level: Level) -> bool:
        """Whether every combination was looked at; true where nobody had to look."""
        return level not in self._requests or self._requests[level].complete

    def requests(self, level: Level) -> Requests:
        if level not in self._requests:
            self._requests[level] = distinguishing(self.enforcers, level)
        return self._requests[level]


def _differ(one: Reach, other: Reach) -> bool:
    if one.keys is other.keys or one.keys == other.keys:
        return False
    return any(one.keys_of(s) != other.keys_of(s) for s in (*one.keys, *other.keys))


def of_sample(ways: Ways, level: Level, sample: Sample) -> Iterator[tuple[Kind, Change]]:
    before, after = ways.of(sample)
    if not before or not after or keys_of(before) == keys_of(after):
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
                kind if sample.is_seen else Kind.UNKNOWN,
                change_of(ways.pair, sample, request, told),
            )


def _told(
    kind: Kind, then: Mapping[Verdict, Path], now: Mapping[Verdict, Path]
) -> tuple[Verdict, Path, Path]:
    """The verdict that the change is about, and the ways before and now."""
    wanted = {
        Kind.OPENS: (Answer.DENIED, Answer.ALLOWED),
        Kind.CLOSES: (Answer.ALLOWED, Answer.DENIED),
    }.get(kind)
    was = [v for v in then if wanted is None or v.answer is wanted[0]] or [*then]
    is_ = [v for v in now if wanted is None or v.answer is wanted[1]] or [*now]
    unsure = next((v for v in (*is_, *was) if v.answer is Answer.UNKNOWN), is_[0])
    about = {Kind.OPENS: was[0], Kind.CLOSES: is_[0]}.get(kind, unsure)
    return about, then[was[0]], now[is_[0]]


def _kinds(then: Iterable[Verdict], now: Iterable[Verdict]) -> Iterator[Kind]:
    was, is_ = {v.answer for v in then}, {v.answer for v in now}
    if was == is_:
        return
    unsure = Answer.UNKNOWN in was | is_
    if Answer.ALLOWED in is_ - was:
        yield Kind.UNKNOWN if Answer.UNKNOWN in was else Kind.OPENS
    if Answer.DENIED in is_ - was:
        yield Kind.UNKNOWN if Answer.UNKNOWN in was else Kind.CLOSES
    if unsure and Answer.UNKNOWN in is_ - was:
        yield Kind.UNKNOWN
