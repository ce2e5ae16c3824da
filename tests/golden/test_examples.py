"""The examples, end to end: mesh -> findings.json -> plan.yaml -> report.md. Golden, and documentation.

`UPDATE_GOLDEN=1` (make golden) writes the files; then the diff is read.
"""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from migrator.cli import app
from migrator.planner.file.invariants import broken
from migrator.planner.file.planfile import load

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(p for p in (ROOT / "plans" / "examples").iterdir() if p.is_dir())
by_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda p: p.name)


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    """Paths in golden files are relative to the repository."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "80")


def run(*arguments):
    return CliRunner().invoke(app, list(arguments))


def hold(file: Path, text: str) -> None:
    """Compare with the golden file, or write it."""
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(text, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == text, f"make golden, then read the diff of {file}"


@by_example
def test_inventory(example):
    """`migrate scan` says what is there."""
    done = run("scan", _mesh(example))

    assert done.exit_code == 0
    hold(example / "inventory.txt", done.stdout)


@by_example
def test_findings(example):
    """`migrate check -o json`, each finding on its line."""
    done = run("check", _mesh(example), "-o", "json")

    assert done.exit_code == 3
    hold(example / "findings.json", done.stdout)
    report = json.loads(done.stdout)
    assert report["complete"]
    assert all(f["file"] and f["line"] for f in report["findings"])


@by_example
def test_plan_and_report(example, tmp_path):
    """`migrate plan`: the file and its report, sound and reproducible."""
    calls = example / "calls.yaml"
    graph = ["--calls", str(calls.relative_to(ROOT))] if calls.exists() else []
    done = run("plan", _mesh(example), *graph, "-o", str(tmp_path / "plan.yaml"))

    assert done.exit_code == 0, done.stderr
    text = (tmp_path / "plan.yaml").read_text(encoding="utf-8")
    hold(example / "plan.yaml", text)
    hold(example / "report.md", (tmp_path / "plan.md").read_text(encoding="utf-8"))
    assert broken(load(text)) == ()


@by_example
def test_the_plan_does_not_depend_on_how_the_mesh_is_split_into_files(example):
    """Files named in any order give the same bytes."""
    files = sorted(str(p.relative_to(ROOT)) for p in (example / "mesh").iterdir())
    assert run("plan", *files).stdout == run("plan", *reversed(files)).stdout


def _mesh(example: Path) -> str:
    return str((example / "mesh").relative_to(ROOT))
