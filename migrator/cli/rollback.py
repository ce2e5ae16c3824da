"""`migrate rollback`: undo, newest first, verified."""

from typing import Annotated

import typer

from . import common, executing
from .executing import Context, Kubeconfig, PlanFile, Simulate, Yes
from .plan_files import load_plan


def rollback(
    plan: PlanFile,
    to: Annotated[
        str,
        typer.Option(
            metavar="CHECKPOINT",
            show_default=False,
            help="Down to the end of this wave; else to the start.",
        ),
    ] = "",
    yes: Yes = False,
    simulate: Simulate = False,
    kubeconfig: Kubeconfig = "",
    context: Context = "",
) -> None:
    """Roll a plan back: every field that it changed gets the value that the record holds, and no other.

    Exit code 0 done; 7 a person is needed, then the same command goes on; 8 another run has the lock.
    """
    from migrator.engine import apply as engine
    from migrator.engine import backward
    from migrator.engine.forward import Reach

    found = load_plan(plan)
    executing.check_terminal(yes=yes)
    from .world import Target, job_of, world

    found_world = world(plan, Target(kubeconfig, context, simulate))
    watcher = executing.watcher(yes=yes, simulated=simulate)
    job = job_of(found, found_world, watcher)
    if simulate:
        from .watching import Silent

        with executing.about(plan):
            job.run.watcher = Silent()
            engine.apply(job, Reach(), "stop")
            job.run.watcher = watcher
    tasks = backward.to_undo(job.run, to)
    if job.run.progress.last is not None:
        with executing.about(plan), executing.stoppable(watcher, f"migrate rollback {plan}"):
            engine.rollback(job, to)
    if not tasks:
        common.narrate("nothing to undo: the record holds no step after that point")
        return
    common.narrate("rolled back, each undo verified" + (" (simulated)" if simulate else ""))
