"""`migrate diff`: every object change of a plan, exactly."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from migrator.errors import MigrateError

from . import common, executing
from .executing import Context, Kubeconfig, PlanFile
from .plan_files import load_plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.planner.plan import Plan


def diff(
    plan: PlanFile,
    wave: Annotated[
        str, typer.Option(metavar="NAME", show_default=False, help="Only this wave.")
    ] = "",
    server: Annotated[
        bool,
        typer.Option(
            "--server",
            help="Let the cluster try each pending change too (dry run), and say what has changed since.",
        ),
    ] = False,
    kubeconfig: Kubeconfig = "",
    context: Context = "",
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 9 when changes are pending.")
    ] = False,
) -> None:
    """Show every change of a plan as a diff; with --server only what is pending, tried by the cluster.

    Exit code 0; with --server 4 when the plan is stale, 1 when the cluster would refuse a change.
    """
    found = load_plan(plan)
    if wave and wave not in executing.names_of(found):
        message = f"--wave: the plan has no wave {wave!r}"
        raise typer.BadParameter(message)
    done: frozenset[str] = frozenset()
    stale: MigrateError | None = None
    if server:
        done, stale = _ask_cluster(plan, found, (kubeconfig, context))
    common.print_lines(_lines(found, wave, done))
    if stale is not None:
        raise stale
    if detailed_exitcode and any(s.id not in done for _, _, s in found.steps()):
        raise typer.Exit(code=9)


def _ask_cluster(
    path: Path, plan: "Plan", place: tuple[str, str]
) -> tuple[frozenset[str], MigrateError | None]:
    from migrator.engine import apply as engine
    from migrator.engine import preflight

    from .world import Target, job_of, world

    job = job_of(plan, world(path, Target(*place)), executing.watcher(yes=True))
    done = frozenset(
        s.id for _, _, s in plan.steps() if job.run.progress.of(s.id).standing == "verified"
    )
    try:
        preflight.check_permissions(job.run.cluster, plan)
        engine.refuse_stale(job)
        preflight.dry_run(job.run)
    except MigrateError as error:
        return done, error
    return done, None


def _lines(plan: "Plan", wave: str, done: frozenset[str]) -> "Iterator[common.Line]":
    from migrator.report import change_text

    for phase, where, step in plan.steps():
        if (wave and where.name != wave) or step.id in done:
            continue
        yield f"{phase.value} {where.name} {step.id}: {step.summary()}", "bold"
        yield from change_text.lines(step)
