"""What a rollback opens and closes that the way forward does not.

Most moments of the way back are moments of the way forward: a step is undone where it was done. Others let
every caller meet no more than it meets at some moment of the way forward, at which nobody else stands
elsewhere: while pods of both kinds run, each of them may be met. Only what is neither is compared with the
start.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from migrator.exposure.calling import Caller
from migrator.exposure.compare import known_callers
from migrator.exposure.crowd import Crowd, Member, Span
from migrator.model.resource import Ref

from .backwards import early
from .course import Course
from .exposing import Exposed
from .history import History, Run
from .localities import OF_A_WAYPOINT
from .repeating import Asking, Place
from .states_back import New, news_of, senders


def reverted(course: Course, forward: Iterable[Exposed]) -> tuple[Exposed, ...]:
    """All that only a rollback, from the end of some wave, opens or closes: between moments of the way
    forward.
    """
    known = {one.what for one in forward}
    found = (one for one in _reverted(course) if one.what not in known)
    return tuple({(one.what, one.since, one.until): one for one in found}.values())


def _reverted(course: Course) -> Iterator[Exposed]:
    waiting = tuple(_waiting(course, _checkpoints(course)))
    if waiting:
        yield from _Comparison(course, waiting).all()


class _Waiting(NamedTuple):
    """A namespace with states on the way back that are to be compared; `like`: as those of its kind."""

    place: Place
    history: History
    news: tuple["New", ...]
    like: bool


def _waiting(course: Course, checkpoints: tuple[int, ...]) -> Iterator[_Waiting]:
    for first, places in course.repeats.kinds():
        news = news_of(first, checkpoints)
        parts = early(first.locality.steps)
        begun = _begun(parts, first.moments, checkpoints)
        for place in places:
            found = _Waiting(place, first, news, like=True)
            if _begun(parts, place.moments, checkpoints) != begun:
                history = course.repeats.anew(place)
                found = _Waiting(place, history, news_of(history, checkpoints), like=False)
            if any(_counts(course, found.history, place, one) for one in found.news):
                yield found


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


def _counts(course: Course, history: History, place: Place, new: New) -> bool:
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


class _Comparison:
    """What is to be compared, against the start: targets on the way back for everybody as they send
    then, and targets elsewhere for those who send otherwise.
    """

    def __init__(self, course: Course, waiting: tuple[_Waiting, ...]) -> None:
        self._course, self._waiting = course, waiting
        self._checkpoints = _checkpoints(course)
        self._news = {one.history.locality.namespace: one.news for one in waiting}

    def all(self) -> Iterator[Exposed]:
        course, moved = self._course, {m.ref: m for one in self._waiting for m in self._moved(one)}
        crowd = course.crowd
        members = [_as_then(one, moved.get(one.ref)) for one in crowd.members]
        everybody = Crowd(crowd.domain, members, crowd.waypoints)
        asking = Asking(everybody, course.calls, {})
        for one in self._waiting:
            if one.like:
                yield from course.repeats.of(one.place, asking, lambda h: self._own(h, everybody))
            else:
                yield from self._own(one.history, everybody)
        if moved:
            movers = Crowd(crowd.domain, moved.values(), crowd.waypoints)
            asking = Asking(movers, course.calls, {})
            for place in course.repeats:
                yield from course.repeats.of(place, asking, lambda h: self._abroad(h, movers))

    def _moved(self, waiting: _Waiting) -> Iterator[Member]:
        """Those of the namespace who send otherwise, with the times in which they do."""
        history = waiting.history
        spans: dict[Ref, list[Span]] = {}
        for new in waiting.news if any(one.moved for one in waiting.news) else ():
            passed = new.passed
            for ref, sends in senders(passed.state, history.locality.namespace).items():
                spans.setdefault(ref, []).append(Span(passed.since, passed.until, sends))
        found = (
            Member(one.ref, one.principal, (_start(one), *spans[one.ref]))
            for one in history.members
            if one.ref in spans
        )
        like = waiting.like
        return self._course.repeats.moved(history, waiting.place, found) if like else found

    def _own(self, history: History, crowd: Crowd) -> tuple[Exposed, ...]:
        namespace = history.locality.namespace
        if namespace not in self._news:
            self._news[namespace] = news_of(history, self._checkpoints)
        return tuple(
            one
            for new in self._news[namespace]
            for one in self._of(new.passed.runs, crowd, (new.passed.since, new.passed.until))
        )

    def _abroad(self, history: History, movers: Crowd) -> tuple[Exposed, ...]:
        """Calls from other namespaces to targets as they are on the way forward."""
        home = history.locality.namespace
        refs = frozenset(one.ref for one in movers.members if one.ref.namespace != home)
        return tuple(
            one
            for run in history.runs
            for one in self._of((run,), movers, (run.since, run.until), refs)
        )

    def _of(
        self,
        runs: Iterable[Run],
        crowd: Crowd,
        span: tuple[int, int],
        only: frozenset[Ref] | None = None,
    ) -> Iterator[Exposed]:
        everybody = crowd.during(*span, only)
        for run in runs:
            refs = known_callers(run.ways.pair, self._course.calls)
            if refs is not None and only is not None:
                refs &= only
            among = None if refs is None else crowd.during(*span, refs)
            for found in run.ways.differences(everybody, among):
                since, until = span
                if found.source is not None and found.source.since is not None:
                    since, until = found.source.since, found.source.until or until
                yield Exposed(found.kind, found.change, since, until)


def _start(member: Member) -> Span:
    """How it sends at the start, for no time at all."""
    return Span(0, 0, member.spans[0].senders)


def _as_then(member: Member, moved: Member | None) -> Member:
    """As it sends on the way back, and otherwise as on the way forward."""
    if moved is None:
        return member
    kept = list(member.spans)
    for time in moved.spans[1:]:
        kept = [part for span in kept for part in _without(span, time)]
    return member._replace(spans=(_start(member), *kept, *moved.spans[1:]))


def _without(span: Span, time: Span) -> Iterator[Span]:
    """What is left of a span."""
    before = span._replace(until=min(span.until, time.since))
    after = span._replace(since=max(span.since, time.until))
    yield from (one for one in (before, after) if one.since < one.until)
