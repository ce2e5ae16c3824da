"""Roll a workload without changing what it runs."""

from collections.abc import Mapping
from typing import Any, Literal

from .base import Step


class RestartWorkload(Step):
    """As `kubectl rollout restart`: an annotation of the template, so that the controller's own rules
    (surge, partitions, readiness) decide the pace. Pods are never evicted or deleted.
    """

    kind: Literal["restart-workload"] = "restart-workload"
    template_path: str = "spec.template"

    def summary(self) -> str:
        return f"rolling restart of {self.target}"

    def change(self) -> Mapping[str, Any]:
        stamp = {
            "metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "<time of the step>"}}
        }
        body: dict[str, Any] = stamp
        for part in reversed(self.template_path.split(".")):
            body = {part: body}
        return body

    def undo(self) -> str:
        return f"rolling restart of {self.target}, after the labels that decide its data plane are back"
