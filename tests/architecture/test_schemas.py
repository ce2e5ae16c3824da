"""The published schemas accept what the commands write, and nothing that lacks a field."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from migrator.cli import app

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "plans" / "examples").glob("*/mesh"))
on_examples = pytest.mark.parametrize("mesh", EXAMPLES, ids=lambda mesh: mesh.parent.name)


def validator(name: str) -> Draft202012Validator:
    schema = json.loads((ROOT / "docs" / f"{name}.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def printed(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(CliRunner().invoke(app, arguments).stdout)
    return found


@on_examples
@pytest.mark.parametrize(
    ("schema", "command"), [("findings", "check"), ("inventory", "scan"), ("estimate", "estimate")]
)
def test_json_fits_its_schema(schema: str, command: str, mesh: Path) -> None:
    answer = printed(command, str(mesh), "-o", "json")

    validator(schema).validate(answer)
    for key in answer:
        lacking = {name: value for name, value in answer.items() if name != key}
        assert not validator(schema).is_valid(lacking), key


@on_examples
def test_plan_file_fits_its_schema(mesh: Path, tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    run = CliRunner().invoke(app, ["plan", str(mesh), "-o", str(file)])
    plan = yaml.safe_load(file.read_text())

    assert run.exit_code == 0
    validator("plan").validate(plan)
    assert not validator("plan").is_valid({**plan, "phases": [{}]})
