"""Wait until the running pods of a Job, or of a CronJob's Jobs, have ended."""

from collections.abc import Mapping
from typing import Any, Literal

from migrator.model.writes import Write

from .base import Step


class WaitForJobs(Step):
    """A running Job keeps its sidecar to its end and is never restarted; the next one is ambient.

    On the way back the next one has a sidecar again, and one that is ambient is awaited.
    """

    kind: Literal["wait-for-jobs"] = "wait-for-jobs"

    def summary(self) -> str:
        return f"wait for the running pods of {self.target}"

    def change(self) -> Mapping[str, Any]:
        return {}

    def writes(self, stamp: str) -> tuple[Write, ...]:  # noqa: ARG002
        return ()

    def undo(self) -> str:
        return f"wait for the running ambient pods of {self.target}"
