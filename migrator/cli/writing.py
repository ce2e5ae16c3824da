"""Files that a person asked for: whole or not at all."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from migrator.errors import MigrateError

if TYPE_CHECKING:
    from migrator.planner.plan import Plan

_REPORT = ".md"


def check_plan_path(output: Path | None) -> None:
    """A plan must not have the name of its own report. Raises a usage error."""
    if output is not None and output.suffix == _REPORT:
        message = (
            f"--output: the report goes to {output}; name the plan {output.with_suffix('.yaml')}"
        )
        raise typer.BadParameter(message)


def write_plan(plan: "Plan", output: Path) -> Path:
    """Write the plan, its report beside it, and its schema; the report's path."""
    from migrator.planner import planfile
    from migrator.report import plan_markdown

    report = output.with_suffix(_REPORT)
    write_new(
        {
            output: planfile.dump(plan),
            report: plan_markdown.render(plan),
            output.with_name(planfile.SCHEMA_FILE): planfile.schema(),
        }
    )
    return report


def write_new(files: Mapping[Path, str]) -> None:
    """Write each file beside itself first, then move all into place. Raises MigrateError."""
    staged = []
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f".{path.name}.partial")
            partial.write_text(text, encoding="utf-8")
            staged.append((partial, path))
        for partial, path in staged:
            partial.replace(path)
    except OSError as error:
        for partial, _ in staged:
            partial.unlink(missing_ok=True)
        raise MigrateError(
            f"cannot write: {error.strerror}", detail=str(error.filename or "")
        ) from error
