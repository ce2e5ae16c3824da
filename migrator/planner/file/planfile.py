"""The plan as a YAML file: made to be read in review, and the same bytes for the same plan."""

import json
from collections.abc import Iterator, Sized
from itertools import islice
from typing import Any

from pydantic import BaseModel, ValidationError

from migrator.planner.plan import SCHEMA, Phase, Plan, Wave
from migrator.steps import AnyStep

from . import yaml_lines
from .alike import Alike
from .yaml_text import block

SCHEMA_FILE = "plan.schema.json"

_HEAD = """\
# yaml-language-server: $schema=plan.schema.json
# A plan of `migrate`: review it, set `acknowledged: true` where you accept what is said.
# Meant for editing: acknowledgements, the order of waves, gates. `migrate show FILE` prints it.
"""


def dump(plan: Plan) -> str:
    """The plan file's text."""
    return "".join(parts(plan))


def parts(plan: Plan) -> Iterator[str]:
    """The text piece by piece: nobody needs to hold all of a large plan's. Fields that say nothing (empty
    lists, defaults) are left out of steps.
    """
    before, after = _around(plan, "phases")
    before["header"] = _without(before["header"], {"cluster": ""})
    before["rollback"] = _calls(before["rollback"])
    yield _HEAD + block(before)
    yield _list("phases", plan.phases, 0)
    step = Alike(_step)
    for phase in plan.phases:
        yield from _phase(phase, step)
    yield _block(after, 0)


def _phase(phase: Phase, step: Alike) -> Iterator[str]:
    before, after = _around(phase, "waves")
    yield block([before])
    yield _list("waves", phase.waves, 2)
    for wave in phase.waves:
        yield from _wave(wave, step)
    yield _block(after, 2)


def _wave(wave: Wave, step: Alike) -> Iterator[str]:
    before, after = _around(wave, "steps")
    yield block([before], 2)
    yield _list("steps", wave.steps, 4)
    yield from map(step, wave.steps)
    after["gates"] = [_without(gate, {"minutes": 0}) for gate in after["gates"]]
    after["exposure"] = _calls(after["exposure"])
    yield _block(after, 4)


def _step(step: AnyStep) -> str:
    return block([_tidy(step.model_dump(mode="json"))], 4)


def _around(model: BaseModel, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields that stand before the field `name`, and those after it."""
    data = model.model_dump(mode="json", by_alias=True, exclude={name})
    at = list(type(model).model_fields).index(name)
    return dict(islice(data.items(), at)), dict(islice(data.items(), at, None))


def _list(name: str, items: Sized, indent: int) -> str:
    return f"{' ' * indent}{name}:{'' if items else ' []'}\n"


def _block(data: dict[str, Any], indent: int) -> str:
    return block(data, indent) if data else ""


def schema() -> str:
    """The plan file's JSON Schema; editors find it beside the plan by the file's first line."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    body = {**head, **Plan.model_json_schema(by_alias=True), "title": "The file of `migrate plan`"}
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def load(text: str) -> Plan:
    """The plan of a plan file. Raises ValueError that names the field and what is wrong with it."""
    data = yaml_lines.load(text)
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        msg = f"not a plan of this version: `schema: {SCHEMA}` is expected"
        raise ValueError(msg)
    try:
        return Plan.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        msg = f"{where}: {first['msg']}"
        raise ValueError(msg) from error


_QUIET: dict[str, Any] = {
    "rules": [],
    "requires": [],
    "before": [],
    "after": [],
    "annotations": {},
    "old_annotations": {},
    "live_pods": False,
}


def _tidy(step: dict[str, Any]) -> dict[str, Any]:
    head = {"id": step["id"], "kind": step["kind"]}
    rest = {k: v for k, v in step.items() if k not in head}
    if rest.get("template_path") == "spec.template" and step["kind"] == "restart-workload":
        del rest["template_path"]
    tidy = _without({**head, **rest}, _QUIET)
    for key in ("before", "after"):
        for check in tidy.get(key, ()):
            if check["about"] is None:
                del check["about"]
    return tidy


def _calls(data: dict[str, Any]) -> Any:
    """An exposure's lists."""
    return _said({key: list(map(_said, found)) for key, found in data.items()})


def _said(data: Any) -> Any:
    """Without what says nothing."""
    if not isinstance(data, dict):
        return data
    return {k: v for k, v in data.items() if v not in ([], "", False, None)}


def _without(data: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if defaults.get(key, ...) != value}
