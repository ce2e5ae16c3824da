"""Files that a person asked for: whole or not at all."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from migrator.errors import MigrateError

from .common import narrate

if TYPE_CHECKING:
    from migrator.model.snapshot import Snapshot
    from migrator.planner.plan import Plan

_REPORT = ".md"


def check_plan_path(output: Path | None) -> None:
    """A plan must not have the name of its own report. Raises a usage error."""
    if output is not None and output.suffix == _REPORT:
        message = (
            f"--output: the report goes to {output}; name the plan {output.with_suffix('.yaml')}"
        )
        raise typer.BadParameter(message)


def print_plan(plan: "Plan") -> None:
    """The plan alone, on stdout."""
    from migrator.planner.file import planfile

    typer.echo(planfile.dump(plan), nl=False)


def write_plan(plan: "Plan", output: Path, snapshot: "Snapshot") -> Path:
    """Write the plan, and beside it its report, its schema and the snapshot that it was made from.

    By the snapshot `migrate apply` sees whether the mesh is still that, and simulates. Returns the
    report's path.
    """
    from migrator.adapters import snapshot_file
    from migrator.planner.file import planfile
    from migrator.report import plan_markdown

    report = output.with_suffix(_REPORT)
    write_new(
        {
            output: encoded(planfile.parts(plan)),
            report: encoded(plan_markdown.parts(plan)),
            output.with_name(planfile.SCHEMA_FILE): encoded([planfile.schema()]),
            output.with_suffix(".snapshot"): [snapshot_file.dump(snapshot)],
        }
    )
    return report


def conclude(plan: "Plan") -> None:
    """Say on stderr what opens and closes; exit code 3 where something stands against all of the plan."""
    from migrator.report.plan_text import exposure_lines
    from migrator.report.text import safe, width

    if plan.phases:
        for text, _ in exposure_lines(plan, width()):
            narrate(safe(text))
    if plan.is_stopped:
        raise typer.Exit(code=3)


def encoded(texts: Iterable[str]) -> Iterator[bytes]:
    """The bytes of the texts, in UTF-8."""
    return (text.encode() for text in texts)


def write_new(files: Mapping[Path, Iterable[bytes]]) -> None:
    """Write each file, piece by piece, beside itself first, then move all into place. Raises MigrateError."""
    staged: dict[Path, Path] = {}
    try:
        for path, pieces in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = staged[path] = path.with_name(f".{path.name}.partial")
            with partial.open("wb") as file:
                file.writelines(pieces)
        for path, partial in staged.items():
            partial.replace(path)
    except OSError as error:
        raise MigrateError(
            f"cannot write: {error.strerror}", detail=str(error.filename or "")
        ) from error
    finally:
        for partial in staged.values():
            partial.unlink(missing_ok=True)
