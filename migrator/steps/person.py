"""Something that a person must do, and how one sees that it was done."""

from collections.abc import Mapping
from typing import Any, Literal

from migrator.model.writes import Write

from .base import Step


class Person(Step):
    """An instruction with exact values; the checks `after` say when it holds. The tool changes nothing."""

    kind: Literal["person"] = "person"
    title: str
    instruction: str

    def summary(self) -> str:
        return self.title

    def change(self) -> Mapping[str, Any]:
        return {}

    def writes(self, stamp: str) -> tuple[Write, ...]:  # noqa: ARG002
        return ()

    def undo(self) -> str:
        return "a person's decision"
