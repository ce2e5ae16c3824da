"""A whole `apply` and a whole `rollback`: look before the first change, hold the lock, react to failure."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, NamedTuple

from migrator.errors import (
    BlockedPlanError,
    ClusterError,
    DriftError,
    MigrateError,
    RolledBackError,
    StalePlanError,
    StepFailedError,
)
from migrator.model.news import Question, Topic
from migrator.planner.file.invariants import broken
from migrator.planner.file.staleness import Change
from migrator.planner.plan import Plan

from . import backward, forward, preflight
from .forward import Reach, StoppedError
from .record import ClusterRecord
from .run import Run

OnFailure = Literal["stop", "rollback", "pause"]


class Job(NamedTuple):
    """One `apply` or `rollback`: the run, its record in the cluster, and how to see what has changed."""

    run: Run
    record: ClusterRecord
    changes: Callable[[], tuple[Change, ...]]


def refuse_blocked(plan: Plan) -> None:
    """Raises BlockedPlanError with everything that stands against the plan."""
    refusals = (*plan.refusals(), *broken(plan))
    if refusals:
        raise BlockedPlanError(
            f"The plan must not be applied: {len(refusals)} points stand against it",
            detail="\n".join(refusals),
            hint="migrate show PLAN",
        )


def check(job: Job) -> None:
    """Everything that is looked at before the first change; nothing is changed."""
    refuse_blocked(job.run.plan)
    preflight.check_permissions(job.run.cluster, job.run.plan)
    preflight.others_open(job.run, job.record.others())
    refuse_stale(job)
    preflight.dry_run(job.run)


def apply(job: Job, reach: Reach, on_failure: OnFailure) -> None:
    """Raises what stopped it: StepFailedError (5), RolledBackError (6), StalePlanError (4) and others."""
    with _locked(job.run):
        forward.refuse_gaps(job.run, reach)
        check(job)
        if not _is_done(job.run):
            job.record.set_standing("open")
        while True:
            try:
                forward.apply(job.run, reach)
            except (StepFailedError, DriftError) as error:
                if not _again(job, error, on_failure):
                    raise
            else:
                break
        if _is_done(job.run):
            job.record.set_standing("done")


def rollback(job: Job, to: str) -> None:
    """Raises RollbackIncompleteError (7) where a person is needed."""
    with _locked(job.run):
        preflight.check_permissions(job.run.cluster, job.run.plan)
        backward.rollback(job.run, to)
        if not job.run.progress.touched:
            job.record.set_standing("rolled-back")


def _again(job: Job, error: MigrateError, on_failure: OnFailure) -> bool:
    """After a failure: whether to try once more. Raises RolledBackError when the wave was rolled back."""
    if isinstance(error, StoppedError) or on_failure == "stop":
        return False
    job.run.tell(Topic.FAILED, "", f"{error.summary}\n{error.detail}")
    if on_failure == "pause":
        return job.run.watcher.ask(Question("retry", "", "Try again?", error.detail))
    backward.rollback(job.run, to=_last_checkpoint(job.run))
    raise RolledBackError(
        f"{error.summary}; the wave was rolled back",
        detail=f"{error.detail}\nThe cluster is at the checkpoint before the wave, verified.",
        hint="migrate apply PLAN",
    ) from error


def _last_checkpoint(run: Run) -> str:
    last = ""
    for phase in run.plan.phases:
        for wave in phase.waves:
            if not run.progress.has_passed(wave.name):
                return last
            last = wave.name
    return last


def refuse_stale(job: Job) -> None:
    """Raises StalePlanError that names each object and field which changed since the plan was made."""
    changes = job.changes()
    if changes:
        raise StalePlanError(
            f"The plan is stale: {len(changes)} changes since it was made",
            detail="\n".join(str(change) for change in changes),
            hint="migrate plan -o PLAN",
        )


def _is_done(run: Run) -> bool:
    return all(run.progress.has_passed(w.name) for phase in run.plan.phases for w in phase.waves)


@contextmanager
def _locked(run: Run) -> Iterator[None]:
    run.lock.acquire()
    try:
        run.begin()
        yield
    finally:
        try:
            run.lock.release()
        except ClusterError as error:
            run.tell(Topic.NOTE, "lease", error.summary)
