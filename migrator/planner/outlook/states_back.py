"""States on the way back in which somebody meets more than at their place on the way forward."""

from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple

from migrator.exposure.callers import may_call, ways_of
from migrator.exposure.calling import Caller
from migrator.exposure.crowd import Member
from migrator.exposure.reach import SENDERS
from migrator.exposure.state import State
from migrator.exposure.ways import Ways
from migrator.model.resource import Ref

from .backwards import Passed, ways_back
from .history import History, Key, key_of

Senders = Mapping[Ref, frozenset[Caller]]


class New(NamedTuple):
    """A state on the way back in which some callers meet more than at its place on the way forward.

    `beyond`: how those send, of whom that is true; `moved`: some of the namespace's own send otherwise;
    `here`: how its own send. `within`: a moment of the way forward at which nobody meets less than then.
    """

    passed: Passed
    beyond: frozenset[Caller]
    moved: bool
    here: frozenset[Caller]
    within: int | None


def news_of(history: History, checkpoints: tuple[int, ...]) -> tuple[New, ...]:
    """All of a namespace, from the end and from these checkpoints. It can be asked for once."""
    forward = _Forward(history)
    return tuple(
        new
        for way in ways_back(history, checkpoints)
        for passed in way
        if (new := forward.new(passed)) is not None
    )


class _Forward:
    """The way forward, to look up what is met at a moment."""

    def __init__(self, history: History) -> None:
        self._history = history

    def new(self, passed: Passed) -> New | None:
        own = senders(passed.state, self._history.locality.namespace)
        beyond, moved = self._beyond(passed, passed.since), not self._sent(own, passed.since)
        if not beyond and not moved:
            return None
        earlier = (m for m in reversed(self._history.moments[:-1]) if m <= passed.since)
        within = (m for m in earlier if self._sent(own, m) and not self._beyond(passed, m))
        here = frozenset[Caller]().union(*own.values())
        return New(passed, beyond, moved, here, next(within, None))

    def _beyond(self, passed: Passed, moment: int) -> frozenset[Caller]:
        """How those send who meet what they do not at the moment."""
        known = self._runs(moment)
        found: frozenset[Caller] = frozenset()
        for run in passed.runs:
            then = known.get(key_of(run.ways.pair))
            found |= frozenset(SENDERS) if then is None else run.ways.beyond(then)
        return found

    def _sent(self, own: Senders, moment: int) -> bool:
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


def senders(state: State, namespace: str) -> Senders:
    """How the workloads of a namespace send."""
    found = state.mesh.workloads_in(namespace)
    return {one.ref: ways_of(state, one) for one in found if may_call(one)}
