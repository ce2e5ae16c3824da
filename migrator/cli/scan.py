"""`migrate scan`: what is there."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from . import common, live, names


class Form(StrEnum):
    """Forms of the inventory."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


def scan(
    sources: common.Sources = None,
    output: Annotated[
        Form, typer.Option("--output", "-o", help="The form of the answer.")
    ] = Form.TABLE,
    namespace: common.Namespaces = None,
    save: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            show_default=False,
            help="Also write a snapshot: one compressed file without Secrets or environment values.",
        ),
    ] = None,
    context: live.Context = "",
    kubeconfig: live.Kubeconfig = "",
) -> None:
    """Take inventory: namespaces, workloads, their data plane, and what acts on them.

    Exit code 0, or 1 when something could not be read.
    """  # fmt: skip
    if save is not None and namespace and not sources:
        message = (
            "--save keeps the whole cluster, so that more can be asked of it: leave out --namespace"
        )
        raise typer.BadParameter(message)
    reading = common.read(sources, live.Live(context, kubeconfig, tuple(namespace or ())))
    mesh = common.mesh_of(reading)
    wanted = names.check_namespaces(mesh, namespace or ())
    from migrator.report import inventory, inventory_text
    from migrator.report.text import width

    view = inventory.inventory(mesh, wanted)
    if output is Form.TABLE:
        common.print_lines(inventory_text.lines(view, width()))
    else:
        common.print_model(view, output.value)
    if save is not None:
        from migrator.adapters import snapshot_file

        snapshot_file.save(reading.snapshot, save)
        common.narrate(f"snapshot written to {save}")
    if not view.complete:
        raise typer.Exit(code=1)
