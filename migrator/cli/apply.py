"""`migrate apply`: the plan, step by step."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import common, executing
from .executing import Context, Kubeconfig, PlanFile, PrometheusUrl, Simulate, Yes
from .plan_files import judged, load_plan

if TYPE_CHECKING:
    from migrator.engine.apply import Job
    from migrator.engine.forward import Reach
    from migrator.planner.plan import Plan


class OnFailure(StrEnum):
    """What to do when a step or a gate fails."""

    STOP = "stop"
    ROLLBACK = "rollback"
    PAUSE = "pause"


class PhaseOption(StrEnum):
    """The phases of a plan."""

    PREPARE = "prepare"
    EXPAND = "expand"
    SWITCH = "switch"
    CONTRACT = "contract"


def apply(
    plan: PlanFile,
    phase: Annotated[
        PhaseOption | None, typer.Option(show_default=False, help="Only this phase.")
    ] = None,
    to: Annotated[
        str,
        typer.Option(metavar="CHECKPOINT", show_default=False, help="Up to the end of this wave."),
    ] = "",
    yes: Yes = False,
    on_failure: Annotated[
        OnFailure,
        typer.Option(help="Stop, roll the wave back, or ask whether to try again."),
    ] = OnFailure.STOP,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Look at everything, change nothing.")
    ] = False,
    simulate: Simulate = False,
    prometheus: PrometheusUrl = "",
    kubeconfig: Kubeconfig = "",
    context: Context = "",
) -> None:
    """Apply a plan: from where the record says, each step shown, asked for, made and verified.

    Exit code 0 done; 3 the plan must not be applied; 4 stale plan or drift; 5 stopped, go on with the
    same command; 6 failed and rolled back; 8 another run has the lock; 1 the cluster failed.
    """
    from migrator.engine import apply as engine
    from migrator.engine.forward import Reach
    from migrator.planner.plan import PhaseName

    found = load_plan(plan)
    _check_wave(found, to)
    with executing.about(plan):
        engine.refuse_blocked(judged(plan, found))
    if not dry_run:
        executing.check_terminal(yes=yes)
    from .world import Target, job_of, world

    found_world = world(plan, Target(kubeconfig, context, simulate, prometheus))
    watcher = executing.watcher(yes=yes, simulated=simulate)
    job = job_of(found, found_world, watcher)
    reach = Reach(PhaseName(phase.value) if phase else None, to)
    if dry_run:
        with executing.about(plan):
            engine.check(job)
        _say_next(job, reach)
        return
    with executing.about(plan), executing.stoppable(watcher, f"migrate apply {plan}"):
        engine.apply(job, reach, on_failure.value)
    common.narrate(_done(plan, simulate=simulate))


def _check_wave(plan: "Plan", to: str) -> None:
    names = executing.names_of(plan)
    if to and to not in names:
        message = f"--to: the plan has no checkpoint {to!r}; it has {', '.join(names)}"
        raise typer.BadParameter(message)


def _say_next(job: "Job", reach: "Reach") -> None:
    from migrator.engine import forward

    for wave in forward.waves(job.run, reach):
        for step in wave.steps:
            if job.run.progress.of(step.id).standing != "verified":
                typer.echo(f"{wave.name}: {step.summary()}")


def _done(plan: Path, *, simulate: bool) -> str:
    if simulate:
        return "simulated: the plan's model says so, no cluster was touched"
    return f"applied; look again any time: migrate verify {plan}"
