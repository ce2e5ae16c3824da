"""Whole examples on the in-memory cluster, where every process is killed at its next write."""

from pathlib import Path

import pytest

from migrator.adapters.files import read_sources
from migrator.istio.mesh import Mesh
from migrator.planner import PlanOptions, make_plan
from migrator.rules import all_rules, analyze
from tests.runs import World

EXAMPLES = Path(__file__).parents[3] / "plans" / "examples"


def world_of(example):
    snapshot = read_sources([EXAMPLES / example / "mesh"]).snapshot
    mesh = Mesh(snapshot)
    plan = make_plan(mesh, analyze(mesh, all_rules()), PlanOptions())
    said = tuple(one.model_copy(update={"acknowledged": True}) for one in plan.acknowledgements)
    return World(plan.model_copy(update={"acknowledgements": said}), snapshot)


def walked(world, command, *, after):
    """Until the command ends by itself: each process but the last dies at its first or second write."""
    kills = 0
    while world.killed(command, 1 if after else 2, after=after):
        kills += 1
        world.clock.sleep(3)  # the next process begins at another second, as its stamps would tell
        assert kills < 500, "no progress"
    return kills


@pytest.mark.parametrize("after", [True, False], ids=["after each write", "before each write"])
@pytest.mark.parametrize("example", ["bank", "shop", "platform"])
def test_killed_at_every_write_there_and_back(example, after):
    straight, world = world_of(example), world_of(example)
    straight.apply()
    there = straight.writes

    walked(world, world.apply, after=after)
    assert world.image(times=False) == straight.image(times=False)
    assert world.restarts() == straight.restarts()
    assert world.writes == there

    straight.rollback()
    walked(world, world.rollback, after=after)
    assert world.image() == world.start
    assert world.writes == straight.writes
