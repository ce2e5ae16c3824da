"""Fewer waves: who could as well move later shares the wave of another of its namespace.

Whoever moves later, but still before those whom it calls, is refused no more than before.
"""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from migrator.planner.decisions.grouping import grouped

from .graph import Node, Successors

Levels = tuple[tuple[tuple[Node, ...], ...], ...]


class _Span(NamedTuple):
    """The levels at which a node may move."""

    latest: int
    earliest: int
    node: Node


def fewer(levels: Levels, successors: Successors, homes: Mapping[Node, str]) -> Levels:
    """The same groups, those of `homes` at later levels where their namespace has fewer levels by that.

    `homes`: the namespaces of nodes that move by themselves.
    """
    place = {node: n for n, groups in enumerate(levels) for group in groups for node in group}
    last = max(place.values(), default=0)  # nobody moves later than the last
    alone = {group[0] for groups in levels for group in groups if len(group) == 1} & homes.keys()
    for nodes in grouped(sorted(alone), homes.__getitem__).values():
        used = {place[node] for node in nodes}
        if len(used) > 1:
            place.update(_settled(_spans(nodes, place, successors, last), used))
    groups = [group for found in levels for group in found]
    by_level = grouped(sorted(groups), lambda group: str(place[group[0]]))
    return tuple(by_level.get(str(level), ()) for level in range(len(levels)))


def _spans(
    nodes: Iterable[Node], place: Mapping[Node, int], after: Successors, last: int
) -> Iterator[_Span]:
    for node in nodes:
        latest = min((place[one] - 1 for one in after[node]), default=last)
        yield _Span(latest, place[node], node)


def _settled(spans: Iterable[_Span], used: AbstractSet[int]) -> Mapping[Node, int]:
    """As few levels as every span has one of; nothing where these are no fewer than those in use."""
    together: list[list[_Span]] = []
    for span in sorted(spans):
        if not together or span.earliest > together[-1][0].latest:
            together.append([])
        together[-1].append(span)
    if len(together) >= len(used):
        return {}
    return {s.node: max(one.earliest for one in found) for found in together for s in found}
