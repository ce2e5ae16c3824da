"""Every moment of a plan, forwards and back: the state of the mesh after each step, and during it.

Computed from the snapshot and the plan's own steps, whoever wrote them: each step's writes are made on the
snapshot's objects, pods live until something restarts them, and a waypoint is there when its check holds.
"""

from collections.abc import Iterator
from typing import NamedTuple

from migrator.exposure.state import State
from migrator.istio.mesh import Mesh
from migrator.planner.plan import Plan

from .undo import order
from .world import World


class Moment(NamedTuple):
    """The mesh after `step`, or with `rolling` while it goes on: old and new pods at once, or a waypoint
    that is not ready. `step` is None for the start, before anything was done.
    """

    phase: str
    wave: str
    step: str | None
    state: State
    rolling: bool = False


def moments(mesh: Mesh, plan: Plan) -> Iterator[Moment]:
    """From the start to the end of the plan, in the order of its steps."""
    world = World(mesh)
    yield Moment("", "", None, world.state)
    for phase, wave, step in plan.steps():
        if world.begin(step):
            yield Moment(phase, wave.name, step.id, world.state, rolling=True)
        world.end(step)
        yield Moment(phase, wave.name, step.id, world.state)


def moments_back(mesh: Mesh, plan: Plan, after: str = "") -> Iterator[Moment]:
    """A rollback to the start, in the order in which the engine undoes: from the end of the plan, or from
    the end of the step `after`. The first moment is the one that the rollback begins at.
    """
    world = World(mesh)
    done = []
    for phase, wave, step in plan.steps():
        world.begin(step)
        world.end(step)
        done.append((phase, wave.name, step))
        if step.id == after:
            break
    places = {step.id: (phase, wave) for phase, wave, step in done}
    yield Moment("", "", None, world.state)
    for task in order([step for _, _, step in done]):
        place = places[task.step.id]
        if world.undo(task):
            yield Moment(*place, task.step.id, world.state, rolling=True)
        world.undone()
        yield Moment(*place, task.step.id, world.state)
