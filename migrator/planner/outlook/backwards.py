"""A namespace on the way back: its states while steps are undone, told by the moments of the way forward.

What is there while step n is undone has its place at moment 2n + 1, and what is there afterwards at 2n, where
the step had not begun. A rollback begins at a checkpoint, the end of a wave.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from migrator.exposure.state import State
from migrator.steps import AnyStep

from .history import History, Run, Version
from .undo import Undo, order
from .world import World

Steps = tuple[tuple[int, AnyStep], ...]


class Passed(NamedTuple):
    """A state on the way back. Meanwhile everybody else is as at the moments of the way forward from `since`
    to before `until`; `runs` are the ways to each target.
    """

    since: int
    until: int
    state: State
    step: AnyStep
    runs: tuple[Run, ...] = ()


def ways_back(history: History, checkpoints: Iterable[int]) -> Iterator[tuple[Passed, ...]]:
    """The way from the end, and each from a checkpoint that passes other states. `checkpoints`: the numbers
    of the last steps of waves.
    """
    steps = history.locality.steps
    if not steps:
        return
    yield _with_runs(history, history.world.state, tuple(_back(history, history.world, steps)))
    for last in sorted(_apart(steps, checkpoints)):
        done = tuple(one for one in steps if one[0] <= last)
        world = World(history.locality.mesh())
        for _, step in done:
            world.begin(step)
            world.end(step)
        yield _with_runs(history, world.state, tuple(_back(history, world, done)))


def _apart(steps: Steps, checkpoints: Iterable[int]) -> set[int]:
    """Checkpoints between a flip and a restart for which, on the way from the end, its first part is undone.

    From every other one the way is the last part of the way from the end.
    """
    parts = early(steps)
    numbers = [number for number, _ in steps]
    return {
        c for c in checkpoints if any(numbers[one] <= c < numbers[other] for one, other in parts)
    }


def early(steps: Steps) -> tuple[tuple[int, int], ...]:
    """The places of steps that are undone in two parts, with those of the restarts, or waits, before which
    the first part is.
    """
    places = {step.id: place for place, (_, step) in enumerate(steps)}
    parts: list[int] = []
    found: list[tuple[int, int]] = []
    for task in order([step for _, step in steps]):
        if task.keys is not None:
            parts.append(places[task.step.id])
        else:
            found += [(part, places[task.step.id]) for part in parts]
            parts = []
    return tuple(found)


def _numbered(steps: Steps) -> Iterator[tuple[Undo, int]]:
    numbers = {step.id: number for number, step in steps}
    for task in order([step for _, step in steps]):
        yield task, numbers[task.step.id]


def _back(history: History, world: World, steps: Steps) -> Iterator[Passed]:
    """Everything undone, with what goes on meanwhile."""
    following = dict(pairwise(history.moments))
    tasks = list(_numbered(steps))
    for place, (task, number) in enumerate(tasks):
        below = next((n for other, n in tasks[place + 1 :] if other.keys is None), None)
        since = 0 if below is None else 2 * below + 2
        whole = task.keys is None
        middle = 2 * number + 1 if whole else since
        if world.undo(task):
            yield Passed(middle, following[middle], world.state, task.step)
        world.undone()
        until = middle if whole else following[since]
        yield Passed(since, until, world.state, task.step)


def _with_runs(history: History, start: State, way: tuple[Passed, ...]) -> tuple[Passed, ...]:
    versions = (
        Version(0, start),
        *(Version(n, one.state, one.step) for n, one in enumerate(way, start=1)),
    )
    found = tuple(history.runs_of(versions, len(versions)))
    return tuple(
        one._replace(runs=tuple(run for run in found if run.since <= n < run.until))
        for n, one in enumerate(way, start=1)
    )
