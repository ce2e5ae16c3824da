"""Delete an object that nobody needs any more; only the last phase may."""

from collections.abc import Mapping
from typing import Any, Literal

from migrator.model.writes import Write

from .base import Step


class DeleteObject(Step):
    """`manifest` is the object as it was when the plan was made: undo creates it again from there."""

    kind: Literal["delete-object"] = "delete-object"
    manifest: dict[str, Any]

    def summary(self) -> str:
        return f"delete {self.target}"

    def change(self) -> Mapping[str, Any]:
        return {"$delete": str(self.target)}

    def writes(self, stamp: str) -> tuple[Write, ...]:  # noqa: ARG002
        return (Write(path=(), old=self.manifest),)

    def undo(self) -> str:
        return f"create {self.target} again, as the plan holds it"
