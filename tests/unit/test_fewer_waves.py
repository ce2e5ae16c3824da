"""Workloads that could as well move later share a wave of their namespace."""

from hypothesis import given
from hypothesis import strategies as st

from migrator.planner.ordering.fewer import fewer
from migrator.planner.ordering.graph import levels


def placed(successors, homes):
    found = fewer(levels(successors), successors, homes)
    return {node: n for n, groups in enumerate(found) for group in groups for node in group}


def test_who_calls_nobody_waits_for_another_of_its_namespace():
    successors = {"caller": {"server"}, "server": set(), "batch": set()}
    homes = {"caller": "web", "server": "shop", "batch": "shop"}

    assert placed(successors, homes) == {"caller": 0, "server": 1, "batch": 1}


def test_nobody_waits_where_that_saves_no_wave():
    successors = {"a": {"b"}, "b": set(), "batch": set()}

    assert placed(successors, dict.fromkeys(successors, "shop")) == {"a": 0, "b": 1, "batch": 0}


def test_nobody_waits_beyond_whom_it_calls():
    successors = {"x": {"y"}, "y": {"z"}, "z": set(), "early": {"y"}}
    homes = {"x": "web", "y": "web", "z": "shop", "early": "shop"}

    assert placed(successors, homes)["early"] == 0


@st.composite
def _graphs(draw):
    """Calls that lead to later numbers only, and one cycle now and then."""
    count = draw(st.integers(1, 8))
    calls = draw(st.sets(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1))))
    backwards = draw(st.booleans())
    successors = {str(n): set() for n in range(count)}
    for a, b in calls:
        if a < b or (backwards and a != b):
            successors[str(a)].add(str(b))
    return successors, {node: draw(st.sampled_from("xyz")) for node in successors}


@given(_graphs())
def test_callers_stay_before_servers_and_no_namespace_gets_more_waves(made):
    successors, homes = made
    before = {
        node: n for n, groups in enumerate(levels(successors)) for group in groups for node in group
    }
    after = placed(successors, homes)

    assert after.keys() == before.keys()
    for node, following in successors.items():
        for called in following:
            assert (after[node] < after[called]) == (before[node] < before[called])
    for home in "xyz":
        waves = [{place[n] for n in homes if homes[n] == home} for place in (before, after)]
        assert len(waves[1]) <= len(waves[0])
