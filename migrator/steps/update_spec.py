"""Replace the spec of one object by another, both of them in the plan."""

from collections.abc import Mapping
from typing import Any, Literal

from migrator.model.writes import Write

from .base import Step


class UpdateSpec(Step):
    """A policy is narrowed or extended; `old` is the spec that the plan was made from, whole."""

    kind: Literal["update-spec"] = "update-spec"
    spec: dict[str, Any]
    old: dict[str, Any]

    def summary(self) -> str:
        return f"change the spec of {self.target}"

    def change(self) -> Mapping[str, Any]:
        return {"spec": self.spec}

    def writes(self, stamp: str) -> tuple[Write, ...]:  # noqa: ARG002
        return (Write(path=("spec",), value=self.spec, old=self.old),)

    def undo(self) -> str:
        return f"put the old spec of {self.target} back, as the plan holds it"
