"""Roll a plan back, newest first, each undo verified, down to the start or to a checkpoint."""

from migrator.errors import DriftError, MigrateError, RollbackIncompleteError, StepFailedError
from migrator.model.journal import Event
from migrator.model.news import News, Question, Topic
from migrator.planner.outlook.undo import Undo, order
from migrator.planner.plan import Plan
from migrator.steps import AnyStep, PatchTemplate, Person, SetLabels, Target, WaitForJobs

from . import stepper
from .run import Run


def to_undo(run: Run, to: str = "") -> tuple[Undo, ...]:
    """What a rollback to the end of wave `to` (to the start, when empty) does, first to last.

    Jobs are waited for too where the way forward ended before it waited for them itself.
    """
    steps = _after(run.plan, to)
    done = {s.id for s in steps if run.progress.of(s.id).touched}
    return order([s for s in steps if s.id in done or _is_due(s, steps, done)])


def _is_due(step: AnyStep, steps: list[AnyStep], done: set[str]) -> bool:
    """Whether Jobs may have begun as ambient: what makes them so was done, the wait for others was not."""
    homes = {step.target, Target(kind="Namespace", name=step.target.namespace)}
    return isinstance(step, WaitForJobs) and any(
        isinstance(one, PatchTemplate | SetLabels) and one.target in homes and one.id in done
        for one in steps
    )


def rollback(run: Run, to: str = "") -> None:
    """Raises RollbackIncompleteError where a person is needed; the same command then goes on."""
    tasks = to_undo(run, to)
    for number, task in enumerate(tasks, 1):
        run.watcher.tell(News(Topic.STEP, task.step.id, task.says, 0, number, len(tasks)))
        try:
            _undo(run, task)
        except (StepFailedError, DriftError) as error:
            run.note(Event.STOPPED, task.step.id, str(error))
            raise RollbackIncompleteError(
                f"The rollback stands at {task.step.id}: {error.summary}",
                detail=f"{error.detail}\nWhat came after it in the plan is undone; it and what came "
                "before it are not.",
                hint="migrate rollback PLAN",
            ) from error


def _undo(run: Run, task: Undo) -> None:
    if isinstance(task.step, Person) and any(
        check.predicate == "pods-ambient" for check in task.step.after
    ):
        _recreate(run, task.step)
    elif task.changes and not run.watcher.ask(
        Question("undo", task.step.id, task.says, task.step.why, task.step)
    ):
        raise StepFailedError(f"Stopped before the undo of {task.step.id}")
    stepper.undo(run, task)


def _recreate(run: Run, step: Person) -> None:
    """Pods that only a person restarts: their labels' owner is back, so new ones get sidecars."""
    says = f"recreate the pods of {step.target}, so that they get their sidecars back"
    if not run.watcher.ask(Question("instruction", step.id, says)):
        raise StepFailedError(f"{step.id}: a person must act: {says}")


def _after(plan: Plan, to: str) -> list[AnyStep]:
    found: list[AnyStep] = []
    known = not to
    for phase in plan.phases:
        for wave in phase.waves:
            found.extend(wave.steps)
            if wave.name == to:
                found, known = [], True
    if not known:
        names = ", ".join(w.name for p in plan.phases for w in p.waves)
        raise MigrateError(f"The plan has no checkpoint {to}", detail=f"It has: {names}.")
    return found
