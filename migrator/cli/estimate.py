"""`migrate estimate`: what sidecars request, and what ambient would."""

from enum import StrEnum
from typing import Annotated

import typer

from . import common, live


class Form(StrEnum):
    """Forms of the estimate."""

    TABLE = "table"
    JSON = "json"


def estimate(
    sources: common.Sources = None,
    output: Annotated[
        Form, typer.Option("--output", "-o", help="The form of the answer.")
    ] = Form.TABLE,
    nodes: Annotated[
        int,
        typer.Option(metavar="N", min=0, help="Linux nodes; 0 counts those of the source."),
    ] = 0,
    context: live.Context = "",
    kubeconfig: live.Kubeconfig = "",
) -> None:
    """Estimate CPU and memory requests now and in ambient, with every assumption printed."""
    reading = common.read(sources, live.Live(context, kubeconfig))
    mesh = common.mesh_of(reading)
    from migrator.report import estimate as report
    from migrator.report import estimate_text
    from migrator.report.text import width

    view = report.estimate(mesh, nodes)
    if output is Form.JSON:
        common.print_model(view, "json")
    else:
        common.print_lines(estimate_text.lines(view, width()))
    if not view.complete:
        raise typer.Exit(code=1)
