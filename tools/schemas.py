"""docs/*.schema.json: the JSON Schema of every contract that leaves the process."""

import json
from typing import Any

from pydantic import BaseModel

from migrator.planner.plan import Plan

DIALECT = "https://json-schema.org/draft/2020-12/schema"

# Each published contract: its file, its title and the model that it is made from.
CONTRACTS: tuple[tuple[str, str, type[BaseModel]], ...] = (
    ("docs/plan.schema.json", "The plan file of migrate", Plan),
)


def schema(title: str, model: type[BaseModel]) -> str:
    """The schema of what `model` accepts: fields with defaults may be left out of a plan file."""
    body: dict[str, Any] = model.model_json_schema(by_alias=True)
    text = json.dumps({"$schema": DIALECT, **body, "title": title}, indent=2, ensure_ascii=False)
    return text + "\n"


def pages() -> dict[str, str]:
    return {path: schema(title, model) for path, title, model in CONTRACTS}
