"""What two states of a mesh open and close, for whom: all requests that policies tell apart, not samples.

A state in the middle of a rollout has pods of two generations: a request that may succeed on one pod and
fail on another can do both. `opens`: what could not succeed before and can now. `closes`: what could not
fail before and can now.
"""

from collections.abc import Mapping
from typing import NamedTuple

from migrator.model.resource import Ref

from .callers import Between
from .change import Change
from .facts import Facts
from .state import State
from .targets import Pair, pairs
from .ways import Kind, Ways


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
        self._everybody = Between(before, after)
        self._some: dict[frozenset[Ref], Between] = {}

    def difference(self, only: frozenset[Ref] | None) -> Difference:
        found: dict[Kind, dict[object, Change]] = {kind: {} for kind in Kind}
        for pair in pairs(self._before, self._after, only):
            ways = Ways(self._before, self._after, pair)
            for one in ways.differences(self._everybody, self._callers_of(pair)):
                key = (one.level, one.change._replace(request=""))
                found[one.kind].setdefault(key, one.change)
        return Difference(*(tuple(found[kind].values()) for kind in Kind))

    def _callers_of(self, pair: Pair) -> Between | None:
        """Those who are known to call it; None where anybody may."""
        refs = known_callers(pair, self._calls)
        if refs is None:
            return None
        if refs not in self._some:
            self._some[refs] = Between(self._before.state, self._after.state, refs)
        return self._some[refs]


def known_callers(pair: Pair, calls: Mapping[Ref, frozenset[Ref]]) -> frozenset[Ref] | None:
    """Who is known to call the target; None where anybody may."""
    found = [calls.get(ref) for ref in pair.servers]
    if not found or any(one is None for one in found):
        return None
    return frozenset(ref for one in found for ref in one or ())
