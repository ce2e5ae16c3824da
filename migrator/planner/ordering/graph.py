"""Strongly connected components, and their levels: what may be done together, and in what order."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from graphlib import TopologicalSorter

Node = str
Successors = Mapping[Node, AbstractSet[Node]]


def components(successors: Successors) -> tuple[tuple[Node, ...], ...]:
    """Strongly connected components, each sorted (Kosaraju's two walks, without recursion)."""
    backwards: dict[Node, set[Node]] = {node: set() for node in successors}
    for node, following in successors.items():
        for after in following:
            backwards[after].add(node)
    entered: set[Node] = set()
    finished = [left for node in sorted(successors) for left in _walk(node, successors, entered)]
    entered = set()
    groups = (sorted(_walk(node, backwards, entered)) for node in reversed(finished))
    return tuple(tuple(group) for group in groups if group)


def levels(
    successors: Mapping[Node, AbstractSet[Node]],
) -> tuple[tuple[tuple[Node, ...], ...], ...]:
    """Levels of components: each component's predecessors are all in earlier levels."""
    groups = components(successors)
    home = {node: number for number, group in enumerate(groups) for node in group}
    before: dict[int, set[int]] = {number: set() for number in range(len(groups))}
    for node, nexts in successors.items():
        for following in nexts:
            if home[node] != home[following]:
                before[home[following]].add(home[node])
    depth: dict[int, int] = {}
    for number in TopologicalSorter(before).static_order():
        depth[number] = 1 + max((depth[b] for b in before[number]), default=-1)
    count = max(depth.values(), default=-1) + 1
    return tuple(
        tuple(sorted(groups[n] for n in depth if depth[n] == level)) for level in range(count)
    )


def _walk(root: Node, successors: Successors, entered: set[Node]) -> list[Node]:
    """What can be reached from `root` and was not entered yet, in the order in which the walk leaves it."""
    if root in entered:
        return []
    entered.add(root)
    left = []
    work = [(root, iter(sorted(successors[root])))]
    while work:
        node, rest = work[-1]
        following = next((n for n in rest if n not in entered), None)
        if following is None:
            work.pop()
            left.append(node)
        else:
            entered.add(following)
            work.append((following, iter(sorted(successors[following]))))
    return left
