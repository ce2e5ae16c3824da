"""The best order of a few that may call each other: what opens first, then what closes, then waves.

What an order costs is the sum over its moves, each of which costs by who has moved before it and not by
their order. So the best order of a set is found from those of its subsets (Bellman; Held and Karp), and of
a larger one by moving one after another to its best place.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

EXACT = 10  # up to as many, no order is better: 2^n sets are looked at
AT_MOST = 24  # up to as many, one after another is moved to its best place; more stay as they are
_ROUNDS = 8


class Cost(NamedTuple):
    """Of an order, compared from left to right: calls that open, and that are refused, each counted once
    for every moment at which it is, and waves.
    """

    opens: int = 0
    closes: int = 0
    waves: int = 0

    def plus(self, other: "Cost") -> "Cost":
        return Cost(self.opens + other.opens, self.closes + other.closes, self.waves + other.waves)


class Costs(Protocol):
    """What it costs that one moves after others."""

    def of(self, done: frozenset[int], one: int) -> Cost:
        """While `one` moves, and before the next does, when those of `done` have moved."""


Found = tuple[int, ...]


def best(homes: Sequence[str], costs: Costs) -> Found:
    """The order of all numbers; of orders that cost the same, the first in the order of numbers.

    `homes`: the namespace of each, which begins a wave where it is another than before.
    """
    if len(homes) <= EXACT:
        return _of_all(homes, costs)
    if len(homes) <= AT_MOST:
        return _by_moving(homes, costs)
    return tuple(range(len(homes)))


def total(order: Found, homes: Sequence[str], costs: Costs) -> Cost:
    """What the whole order costs."""
    found = Cost()
    for place, one in enumerate(order):
        before = order[place - 1] if place else None
        found = found.plus(_next(order[:place], before, one, homes, costs))
    return found


def _next(
    done: Sequence[int], before: int | None, one: int, homes: Sequence[str], costs: Costs
) -> Cost:
    new = before is None or homes[before] != homes[one]
    return costs.of(frozenset(done), one).plus(Cost(waves=int(new)))


def _of_all(homes: Sequence[str], costs: Costs) -> Found:
    """For each set, and each namespace that it may end in, the best order of it."""
    reached: dict[tuple[frozenset[int], str], tuple[Cost, Found]] = {
        (frozenset(), ""): (Cost(), ())
    }
    for _ in homes:
        further: dict[tuple[frozenset[int], str], tuple[Cost, Found]] = {}
        for (done, _), (cost, order) in reached.items():
            for one in range(len(homes)):
                if one in done:
                    continue
                before = order[-1] if order else None
                step = (cost.plus(_next(order, before, one, homes, costs)), (*order, one))
                key = (done | {one}, homes[one])
                further[key] = min(step, further.get(key, step))
        reached = further
    return min(reached.values())[1]


def _by_moving(homes: Sequence[str], costs: Costs) -> Found:
    order = tuple(range(len(homes)))
    known = total(order, homes, costs)
    for _ in range(_ROUNDS):
        before = known
        for one in range(len(homes)):
            known, order = min(
                (known, order),
                *((total(other, homes, costs), other) for other in _with_moved(order, one)),
            )
        if known == before:
            break
    return order


def _with_moved(order: Found, one: int) -> Iterator[Found]:
    rest = tuple(other for other in order if other != one)
    for place in range(len(order)):
        yield (*rest[:place], one, *rest[place:])
