"""Layers, package docstrings, and what a wheel holds."""

import ast
import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[2]


def test_import_contracts_hold() -> None:
    """The contracts of pyproject.toml: data flows down, the core is pure, rules stand alone."""
    run = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout


def test_every_package_says_what_goes_in() -> None:
    silent = [
        init.relative_to(ROOT).as_posix()
        for init in sorted((ROOT / "migrator").rglob("__init__.py"))
        if not ast.get_docstring(ast.parse(init.read_text()))
    ]

    assert silent == []


def test_every_folder_with_modules_is_a_package() -> None:
    folders = {module.parent for module in (ROOT / "migrator").rglob("*.py")}

    assert [folder for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


def test_a_wheel_holds_what_the_command_needs(tmp_path: Path) -> None:
    """Templates and the type marker are inside, tests and tools are not, and the command runs."""
    wheel = Path(next(WheelBuilder(str(ROOT)).build(directory=str(tmp_path / "dist"))))
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "site")
    tracked = {
        file.relative_to(ROOT).as_posix()
        for file in (ROOT / "migrator").rglob("*")
        if file.suffix in {".py", ".j2", ".typed"}
    }

    assert tracked <= names
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {"migrator"}
    run = subprocess.run(
        [sys.executable, "-P", "-m", "migrator", "explain"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "AMB" in run.stdout
