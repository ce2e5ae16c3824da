"""`migrate export`: the changes as kustomize components, for clusters whose owner is a repository."""

from pathlib import Path
from typing import Annotated

import typer

from . import common
from .executing import PlanFile
from .plan_files import load_plan
from .writing import encoded, write_new


def export(
    plan: PlanFile,
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", show_default=False, help="Where the components go.")
    ],
) -> None:
    """Write one kustomize component a wave, and a README with the order, the checks and the gates."""
    from migrator.report import overlay

    files = overlay.render(load_plan(plan))
    write_new({folder / name: encoded([text]) for name, text in files.items()})
    common.narrate(f"{len(files)} files written to {folder}; begin with {folder / 'README.md'}")
