"""`migrate status`: where a plan stands. `migrate verify`: whether all that it claims still holds."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from . import common, executing
from .executing import Context, Kubeconfig, PlanFile
from .plan_files import load_plan

if TYPE_CHECKING:
    from migrator.report.standing import Standing


class Form(StrEnum):
    """Forms of the answer."""

    TEXT = "text"
    JSON = "json"
    YAML = "yaml"


Output = Annotated[Form, typer.Option("--output", "-o", help="The form of the answer.")]


def status(
    plan: PlanFile, output: Output = Form.TEXT, kubeconfig: Kubeconfig = "", context: Context = ""
) -> None:
    """Say what of a plan is done, what is next, why the last run stopped, and what has drifted.

    Exit code 0; 4 when something that the plan set is no longer so; 1 when something could not be read.
    """
    from migrator.engine import standing as engine
    from migrator.report import standing

    found = load_plan(plan)
    from .world import Target, job_of, world

    found_world = world(plan, Target(kubeconfig, context))
    job = job_of(found, found_world, executing.watcher(yes=True))
    drifted = engine.broken(engine.drift(found, job.run.progress, found_world.cluster))
    _print(standing.status(found, job.run.progress, drifted), output)


def verify(
    plan: PlanFile, output: Output = Form.TEXT, kubeconfig: Kubeconfig = "", context: Context = ""
) -> None:
    """Look again at everything that the verified steps of a plan claim.

    Exit code 0; 4 when something no longer holds; 1 when something could not be read.
    """
    from migrator.engine import standing as engine
    from migrator.report import standing

    found = load_plan(plan)
    from .world import Target, job_of, world

    found_world = world(plan, Target(kubeconfig, context))
    job = job_of(found, found_world, executing.watcher(yes=True))
    claims = tuple(engine.verify(found, job.run.progress, found_world.cluster))
    _print(standing.verified(found, job.run.progress, claims), output)


def _print(found: "Standing", output: Form) -> None:
    from migrator.report import standing
    from migrator.report.text import width

    if output is Form.TEXT:
        common.print_lines(standing.lines(found, width()))
    else:
        common.print_model(found, output.value)
    if found.broken:
        raise typer.Exit(code=4)
    if found.unread:
        common.narrate(
            "incomplete: something could not be read; this must not be taken as in order"
        )
        raise typer.Exit(code=1)
