"""Files that a person asked for: whole or not at all."""

from collections.abc import Mapping
from pathlib import Path

from migrator.errors import MigrateError


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
