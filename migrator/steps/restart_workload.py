"""Roll a workload without changing what it runs."""

from collections.abc import Mapping
from typing import Any, Literal

from migrator.model.writes import Write

from .base import Step

_RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"


class RestartWorkload(Step):
    """As `kubectl rollout restart`: an annotation of the template, so that the controller's own rules
    (surge, partitions, readiness) decide the pace. Pods are never evicted or deleted.
    """

    kind: Literal["restart-workload"] = "restart-workload"
    template_path: str = "spec.template"

    def summary(self) -> str:
        return f"rolling restart of {self.target}"

    def change(self) -> Mapping[str, Any]:
        body: dict[str, Any] = {"metadata": {"annotations": {_RESTARTED_AT: "<time of the step>"}}}
        for part in reversed(self.template_path.split(".")):
            body = {part: body}
        return body

    def writes(self, stamp: str) -> tuple[Write, ...]:
        path = (*self.template_path.split("."), "metadata", "annotations", _RESTARTED_AT)
        return (Write(path=path, value=stamp, any_old=True),)

    def undo(self) -> str:
        return f"rolling restart of {self.target}, after the labels that decide its data plane are back"
