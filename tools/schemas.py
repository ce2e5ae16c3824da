"""docs/*.schema.json: the JSON Schema of every contract that leaves the process."""

import json
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel

from migrator.planner.plan import Plan
from migrator.rehearsal.result import Rehearsal
from migrator.report.contract import CheckReport
from migrator.report.estimate import Estimate
from migrator.report.inventory import Inventory

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Mode = Literal["validation", "serialization"]


class Contract(NamedTuple):
    """A published contract. `validation`: what is read, where fields with defaults may be left out;
    `serialization`: what is written, where every field is there."""

    path: str
    title: str
    model: type[BaseModel]
    mode: Mode


CONTRACTS = (
    Contract("docs/plan.schema.json", "The file of `migrate plan`", Plan, "validation"),
    Contract("docs/findings.schema.json", "`migrate check -o json`", CheckReport, "serialization"),
    Contract("docs/inventory.schema.json", "`migrate scan -o json`", Inventory, "serialization"),
    Contract(
        "docs/rehearsal.schema.json", "`migrate rehearse -o json`", Rehearsal, "serialization"
    ),
    Contract("docs/estimate.schema.json", "`migrate estimate -o json`", Estimate, "serialization"),
)


def schema(title: str, model: type[BaseModel], mode: Mode) -> str:
    """The JSON Schema of `model`."""
    body: dict[str, Any] = model.model_json_schema(by_alias=True, mode=mode)
    text = json.dumps({"$schema": DIALECT, **body, "title": title}, indent=2, ensure_ascii=False)
    return text + "\n"


def pages() -> dict[str, str]:
    return {c.path: schema(c.title, c.model, c.mode) for c in CONTRACTS}
