"""Create an object that was not there."""

from collections.abc import Mapping
from typing import Any, Literal

from migrator.model.writes import Write

from .base import Step


class CreateObject(Step):
    """A waypoint, its options, a policy copy, a guard or an additive NetworkPolicy.

    Objects carry the label `app.kubernetes.io/managed-by: migrate`, by which undo knows its own.
    """

    kind: Literal["create-object"] = "create-object"
    manifest: dict[str, Any]

    def summary(self) -> str:
        return f"create {self.target}"

    def change(self) -> Mapping[str, Any]:
        return self.manifest

    def writes(self, stamp: str) -> tuple[Write, ...]:  # noqa: ARG002
        return (Write(path=(), value=self.manifest),)

    def undo(self) -> str:
        return f"delete {self.target}"
