"""Modules stay small enough to be read in one sitting."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Lines at most, by the folder a module is in; the first that fits counts.
LIMITS = (
    ("migrator/rules/*/*.py", 80),
    ("migrator/steps/*.py", 100),
    ("migrator/cli/*.py", 120),
    ("migrator/**/*.py", 300),
    ("tools/*.py", 300),
    ("bench/*.py", 300),
)

# Modules that may be longer than their folder's limit, with the reason.
EXCEPTIONS: dict[str, tuple[int, str]] = {
    "migrator/cli/plan.py": (150, "ten options, each with its help"),
}


def limits() -> dict[str, int]:
    """The limit of every module, by its path from the root."""
    found: dict[str, int] = {}
    for pattern, limit in LIMITS:
        for file in sorted(ROOT.glob(pattern)):
            found.setdefault(file.relative_to(ROOT).as_posix(), limit)
    return found


def lines_in(module: str) -> int:
    return len((ROOT / module).read_text().splitlines())


@pytest.mark.parametrize(("module", "limit"), limits().items())
def test_a_module_keeps_to_the_size_of_its_folder(module: str, limit: int) -> None:
    allowed, _ = EXCEPTIONS.get(module, (limit, ""))

    assert lines_in(module) <= allowed


def test_exceptions_are_still_needed() -> None:
    """A module that fits its folder's limit again loses its exception."""
    assert [module for module in EXCEPTIONS if lines_in(module) <= limits()[module]] == []
