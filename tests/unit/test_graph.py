"""Components and levels: what may move together, and after whom."""

from hypothesis import given
from hypothesis import strategies as st

from migrator.planner.ordering.graph import components, levels

graphs = st.integers(1, 7).flatmap(
    lambda n: st.fixed_dictionaries(
        {str(i): st.sets(st.sampled_from([str(k) for k in range(n)])) for i in range(n)}
    )
)


def test_a_chain_has_one_level_each():
    """Callers first: a calls b calls c."""
    assert levels({"a": {"b"}, "b": {"c"}, "c": set()}) == ((("a",),), (("b",),), (("c",),))


def test_a_cycle_is_one_group():
    """Whoever calls each other moves together."""
    assert levels({"a": {"b"}, "b": {"a", "c"}, "c": set()}) == ((("a", "b"),), (("c",),))


@given(graphs)
def test_components_are_mutually_reachable(graph):
    """Two nodes share a component exactly when each reaches the other."""
    reach = {node: _reach(graph, node) for node in graph}
    home = {node: group for group in components(graph) for node in group}

    assert sorted(home) == sorted(graph)
    for a in graph:
        for b in graph:
            assert (home[a] == home[b]) == (a in reach[b] and b in reach[a])


@given(graphs)
def test_predecessors_are_in_earlier_levels(graph):
    """An edge never points backwards."""
    level = {n: i for i, groups in enumerate(levels(graph)) for group in groups for n in group}
    home = {node: group for group in components(graph) for node in group}
    for node, following in graph.items():
        for after in following:
            assert home[node] == home[after] or level[node] < level[after]


def _reach(graph, start):
    found, todo = {start}, [start]
    while todo:
        for after in graph[todo.pop()] - found:
            found.add(after)
            todo.append(after)
    return found
