"""The plan file, and the snapshot beside it."""

from pathlib import Path
from typing import TYPE_CHECKING

from migrator.errors import MigrateError

from .memory import kept

if TYPE_CHECKING:
    from migrator.model.snapshot import Snapshot
    from migrator.planner.plan import Plan


def load_plan(path: Path) -> "Plan":
    """The plan of the file. Raises MigrateError that says what is wrong with it."""
    from migrator.engine.predicates import refuse_unknown
    from migrator.planner.file import planfile

    try:
        with kept():
            plan = planfile.load(path.read_text(encoding="utf-8"))
        refuse_unknown(plan)
    except OSError as error:
        raise MigrateError(f"cannot read the plan: {error.strerror}", detail=str(path)) from error
    except ValueError as error:
        raise MigrateError(
            "this is no plan file", detail=f"{path}: {error}", hint=f"migrate plan SOURCE -o {path}"
        ) from error
    return plan


def load_snapshot(path: Path) -> "Snapshot":
    """The snapshot that `migrate plan` wrote beside the plan. Raises MigrateError without it."""
    from migrator.adapters.files import read_sources

    file = path.with_suffix(".snapshot")
    if not file.is_file():
        raise MigrateError(
            "The plan's snapshot is missing",
            detail=f"{file} stands beside the plan when `migrate plan` writes it. Without it nobody can "
            "see whether the mesh is still what the plan was made from.",
            hint=f"migrate plan -o {path}",
        )
    return read_sources([str(file)]).snapshot


def judged(path: Path, plan: "Plan") -> "Plan":
    """The plan with what its steps, as they stand now, open and close on the snapshot beside it.

    What somebody edited after the plan was made gets its own answer, and asks to be accepted anew.
    """
    from migrator.istio.mesh import Mesh
    from migrator.istio.versions import parse_version
    from migrator.planner.outlook.exposure import with_exposure

    mesh = Mesh(load_snapshot(path), istio_version=parse_version(plan.header.istio))
    return with_exposure(mesh, plan)


def has_snapshot(path: Path) -> bool:
    """Whether the plan's snapshot stands beside it."""
    return path.with_suffix(".snapshot").is_file()
