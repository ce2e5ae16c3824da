"""What a rollback opens and closes that the way forward does not.

Most moments of the way back are moments of the way forward: a step is undone where it was done. Others let
every caller meet no more than it meets at some moment of the way forward, at which nobody else stands
elsewhere: while pods of both kinds run, each of them may be met. Only what is neither is compared with the
start.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

from migrator.exposure.callers import may_call, ways_of
from migrator.exposure.compare import known_callers
from migrator.exposure.crowd import Crowd, Member, Span
from migrator.exposure.paths import Caller
from migrator.exposure.state import State
from migrator.exposure.ways import SENDERS, Ways
from migrator.model.resource import Ref

from .backwards import Passed, early, ways_back
from .course import Course
from .exposing import Exposed
from .history import History, Key, Run, key_of
from .localities import OF_A_WAYPOINT
from .repeating import Place

_Senders = Mapping[Ref, frozenset[Caller]]


def reverted(course: Course, forward: Iterable[Exposed]) -> tuple[Exposed, ...]:
    """All that only a rollback, from the end of some wave, opens or closes: between moments of the way
    forward.
    """
    known = {_plain(one) for one in forward}
    found = (one for one in _reverted(course) if _plain(one) not in known)
    return tuple({(_plain(one), one.since, one.until): one for one in found}.values())


def _plain(one: Exposed) -> tuple[object, ...]:
    return one.kind, one.change._replace(alike=False, request="", why="")


def _reverted(course: Course) -> Iterator[Exposed]:
    checkpoints = _checkpoints(course)
    for first, places in course.repeats.kinds():
        news = _news(first, checkpoints)
        parts = early(first.locality.steps)
        begun = _begun(parts, first.moments, checkpoints)
        for place in places:
            if _begun(parts, place.moments, checkpoints) == begun and not any(
                _counts(course, first, place, one) for one in news
            ):
                continue
            history = course.repeats.anew(place)
            for new in _news(history, checkpoints):
                if _counts(course, history, place, new):
                    yield from _Looked(course, history, new).all()


def _begun(
    parts: tuple[tuple[int, int], ...], moments: tuple[int, ...], checkpoints: tuple[int, ...]
) -> frozenset[int]:
    """After how many of its steps a namespace's ways back begin that pass states of their own."""
    numbers = [(moment - 1) // 2 for moment in moments[1:-1:2]]
    return frozenset(
        bisect_right(numbers, checkpoint)
        for flip, after in parts
        for checkpoint in checkpoints[
            bisect_left(checkpoints, numbers[flip]) : bisect_left(checkpoints, numbers[after])
        ]
    )


def _checkpoints(course: Course) -> tuple[int, ...]:
    """The numbers of the last steps of waves."""
    found: list[int] = []
    number = -1
    for phase in course.plan.phases:
        for wave in phase.waves:
            number += len(wave.steps)
            found.append(number)
    return tuple(found)


class _New(NamedTuple):
    """A state on the way back in which some callers meet more than at its place on the way forward.

    `beyond`: how those send, of whom that is true; `moved`: some of the namespace's own send otherwise;
    `here`: how its own send. `within`: a moment of the way forward at which nobody meets less than then.
    """

    passed: Passed
    beyond: frozenset[Caller]
    moved: bool
    here: frozenset[Caller]
    within: int | None


def _news(history: History, checkpoints: tuple[int, ...]) -> list[_New]:
    forward = _Forward(history)
    return [
        new
        for way in ways_back(history, checkpoints)
        for passed in way
        if (new := forward.new(passed)) is not None
    ]


class _Forward:
    """The way forward, to look up what is met at a moment."""

    def __init__(self, history: History) -> None:
        self._history = history

    def new(self, passed: Passed) -> _New | None:
        own = senders(passed.state, self._history.locality.namespace)
        beyond, moved = self._beyond(passed, passed.since), not self._sent(own, passed.since)
        if not beyond and not moved:
            return None
        earlier = (m for m in reversed(self._history.moments[:-1]) if m <= passed.since)
        within = (m for m in earlier if self._sent(own, m) and not self._beyond(passed, m))
        here = frozenset[Caller]().union(*own.values())
        return _New(passed, beyond, moved, here, next(within, None))

    def _beyond(self, passed: Passed, moment: int) -> frozenset[Caller]:
        """How those send who meet what they do not at the moment."""
        known = self._runs(moment)
        found: frozenset[Caller] = frozenset()
        for run in passed.runs:
            then = known.get(key_of(run.ways.pair))
            found |= frozenset(SENDERS) if then is None else run.ways.beyond(then)
        return found

    def _sent(self, own: _Senders, moment: int) -> bool:
        """Whether the namespace's own send at the moment as they do now, and perhaps otherwise too."""
        return all(sends <= self._spans(ref, moment) for ref, sends in own.items())

    def _spans(self, ref: Ref, moment: int) -> frozenset[Caller]:
        member = self._members.get(ref)
        spans = member.spans if member else ()
        return next((s.senders for s in spans if s.since <= moment < s.until), frozenset())

    @cached_property
    def _members(self) -> Mapping[Ref, Member]:
        return {member.ref: member for member in self._history.members}

    def _runs(self, moment: int) -> Mapping[Key, Ways]:
        if moment not in self._by_moment:
            self._by_moment[moment] = {
                key_of(run.ways.pair): run.ways
                for run in self._history.runs
                if run.since <= moment < run.until
            }
        return self._by_moment[moment]

    @cached_property
    def _by_moment(self) -> dict[int, Mapping[Key, Ways]]:
        return {}


def senders(state: State, namespace: str) -> _Senders:
    """How the workloads of a namespace send."""
    found = state.mesh.workloads_in(namespace)
    return {one.ref: ways_of(state, one) for one in found if may_call(one)}


def _counts(course: Course, history: History, place: Place, new: _New) -> bool:
    """Whether somebody who sends so is there then, and no moment of the way forward holds it all."""
    moments = dict(zip(history.moments, place.moments, strict=True))
    since, until = moments[new.passed.since], moments[new.passed.until]
    if not new.moved and not new.beyond & (new.here | _present(course.crowd, since, until)):
        return False
    return new.within is None or not _alone(history, place, (new.within, new.passed.since))


def _present(crowd: Crowd, since: int, until: int) -> frozenset[Caller]:
    """How anybody sends between two moments."""
    ways = (ways for ways, known in crowd.histories.items() if known.count(since, until) > 0)
    return frozenset({Caller.OUTSIDE}).union(*(now for _, now in ways))


def _alone(history: History, place: Place, between: tuple[int, int]) -> bool:
    """Whether between two moments only the namespace itself moves, and nothing that others feel."""
    moments = dict(zip(history.moments, place.moments, strict=True))
    low, high = (moments[one] for one in between)
    own = [m for m in place.moments if low < m <= high]
    felt = (
        step.target.ref.group_kind in OF_A_WAYPOINT
        for number, step in history.locality.steps
        if between[0] < 2 * number + 2 and 2 * number + 1 <= between[1]
    )
    return len(own) == high - low and not any(felt)


class _Looked:
    """A state on the way back against the start, for everybody as they are then."""

    def __init__(self, course: Course, history: History, new: _New) -> None:
        self._course, self._history, self._new = course, history, new

    def all(self) -> Iterator[Exposed]:
        yield from self._of(self._new.passed.runs, self._crowd(self._course.crowd.members))
        if not self._new.moved:
            return
        movers = self._crowd(())
        for place in self._course.repeats:
            if place.namespace != self._history.locality.namespace:
                runs = self._course.repeats.anew(place).runs
                yield from self._of((r for r in runs if self._overlaps(r)), movers)

    def _overlaps(self, run: Run) -> bool:
        return run.since < self._new.passed.until and self._new.passed.since < run.until

    def _crowd(self, others: Iterable[Member]) -> Crowd:
        """The namespace's own as they send now, and others as they do then."""
        passed, namespace = self._new.passed, self._history.locality.namespace
        now = senders(passed.state, namespace)
        own = [
            Member(one.ref, one.principal, (
                Span(0, 0, one.spans[0].senders),
                Span(passed.since, passed.until, now.get(one.ref, frozenset())),
            ))
            for one in self._course.crowd.within(namespace)
        ]  # fmt: skip
        kept = [one for one in others if one.ref.namespace != namespace]
        crowd = self._course.crowd
        return Crowd(crowd.domain, [*kept, *own], crowd.waypoints)

    def _of(self, runs: Iterable[Run], crowd: Crowd) -> Iterator[Exposed]:
        since, until = self._new.passed.since, self._new.passed.until
        for run in runs:
            refs = known_callers(run.ways.pair, self._course.calls)
            among = None if refs is None else crowd.during(since, until, refs)
            for found in run.ways.differences(crowd.during(since, until), among):
                yield Exposed(found.kind, found.change, since, until)
