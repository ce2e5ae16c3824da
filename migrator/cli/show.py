"""`migrate show`: the plan as a reviewer reads it."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from . import common
from .plan_files import has_snapshot, judged, load_plan


class Form(StrEnum):
    """Forms of a plan."""

    TABLE = "table"
    MARKDOWN = "markdown"
    JSON = "json"


def show(
    plan: Annotated[Path, typer.Argument(metavar="PLAN", show_default=False, help="A plan file.")],
    output: Annotated[
        Form, typer.Option("--output", "-o", help="The form of the answer.")
    ] = Form.TABLE,
) -> None:
    """Show a plan: may it be applied, what opens and closes, who moves, every step.

    With the plan's snapshot beside it, what opens and closes is computed anew from the plan as it is now.
    """
    from migrator.report import plan_markdown, plan_text
    from migrator.report.text import width

    found = load_plan(plan)
    if has_snapshot(plan):
        found = judged(plan, found)
    match output:
        case Form.TABLE:
            common.print_lines(plan_text.lines(found, width()))
        case Form.MARKDOWN:
            typer.echo(plan_markdown.render(found), nl=False)
        case Form.JSON:
            common.print_model(found, "json")
