"""Apply a plan: its waves in order, each step once, each wave ending at a checkpoint."""

from collections.abc import Iterator
from typing import NamedTuple

from migrator.errors import MigrateError, StepFailedError
from migrator.model.journal import Event
from migrator.model.news import News, Question, Topic
from migrator.planner.plan import PhaseName, Wave
from migrator.steps import AnyStep

from . import gates, stepper
from .alarm import Alarm
from .run import Run, nothing


class Reach(NamedTuple):
    """How far to go: the whole plan, one phase, or up to (and with) the wave `to`."""

    phase: PhaseName | None = None
    to: str = ""


def waves(run: Run, reach: Reach) -> Iterator[Wave]:
    """The waves within `reach` that are not behind us yet, in order."""
    for phase in run.plan.phases:
        for wave in phase.waves:
            wanted = reach.phase in {None, phase.name}
            if wanted and not run.progress.has_passed(wave.name):
                yield wave
            if wave.name == reach.to:
                return


def apply(run: Run, reach: Reach) -> None:
    """Go on from where the record says. Raises StepFailedError, or what else stops it."""
    gates.baseline(run)
    for wave in waves(run, reach):
        _wave(run, wave)


def _wave(run: Run, wave: Wave) -> None:
    run.tell(Topic.WAVE, wave.name, wave.goal)
    alarm = Alarm(run, wave)
    run.while_waiting = alarm.while_waiting
    try:
        alarm.before()
        for number, step in enumerate(wave.steps, 1):
            if run.progress.of(step.id).standing != "verified":
                _step(run, step, number, len(wave.steps))
                alarm.after(step)
        gates.pass_all(run, wave, alarm)
    except StepFailedError as error:
        run.note(Event.STOPPED, wave.name, str(error))
        raise
    finally:
        run.while_waiting = nothing
    run.note(Event.CHECKPOINT, wave.name)
    run.tell(Topic.CHECKPOINT, wave.name)


def _step(run: Run, step: AnyStep, number: int, total: int) -> None:
    run.watcher.tell(News(Topic.STEP, step.id, step.summary(), 0, number, total))
    if not run.progress.of(step.id).touched:
        question = Question("step", step.id, step.summary(), step.why, step)
        if not run.watcher.ask(question):
            raise StoppedError(step.id)
    stepper.do(run, step)


class StoppedError(StepFailedError):
    """A person said no before a step; nothing of it was done."""

    def __init__(self, step: str) -> None:
        super().__init__(f"Stopped before {step}", detail="Nothing of it was done.")


def refuse_gaps(run: Run, reach: Reach) -> None:
    """Raises MigrateError when an earlier phase than the one that is asked for is not done."""
    if reach.phase is None:
        return
    for phase in run.plan.phases:
        if phase.name == reach.phase:
            return
        left = [w.name for w in phase.waves if not run.progress.has_passed(w.name)]
        if left:
            raise MigrateError(
                f"Phase {reach.phase} comes after {phase.name}, which is not done",
                detail=f"Left of it: {', '.join(left)}.",
                hint=f"migrate apply PLAN --phase {phase.name}",
            )
