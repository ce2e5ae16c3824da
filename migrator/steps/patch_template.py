"""Change labels or annotations of a pod template, and roll the workload."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from migrator.model.writes import Write

from .base import Step, label_words


class PatchTemplate(Step):
    """The template's labels and annotations in one patch; a controller with rollouts restarts its pods.

    `template_path` is where the template stands in the object; empty for a bare pod, or for a Job, whose
    template cannot change: then only pods are labelled. With `live_pods` the labels are also
    written on the pods that run now, before the template: keep-out labels must hold at once.
    """

    kind: Literal["patch-template"] = "patch-template"
    template_path: str
    labels: dict[str, str | None]
    annotations: dict[str, str | None] = Field(default_factory=dict)
    old_labels: dict[str, str | None]
    old_annotations: dict[str, str | None] = Field(default_factory=dict)
    live_pods: bool = False

    def summary(self) -> str:
        return f"pod template of {self.target}: {label_words({**self.labels, **self.annotations})}"

    def change(self) -> Mapping[str, Any]:
        metadata: dict[str, Any] = {"labels": dict(self.labels)}
        if self.annotations:
            metadata["annotations"] = dict(self.annotations)
        body: dict[str, Any] = {"metadata": metadata}
        for part in reversed(self.template_path.split(".") if self.template_path else []):
            body = {part: body}
        return body

    def writes(self, stamp: str) -> tuple[Write, ...]:  # noqa: ARG002
        """Nothing on the object itself where only its pods are labelled."""
        if not self.template_path and self.target.kind != "Pod":
            return ()
        where = (*(part for part in self.template_path.split(".") if part), "metadata")
        changes = (
            ("labels", self.labels, self.old_labels),
            ("annotations", self.annotations, self.old_annotations),
        )
        return tuple(
            Write(path=(*where, field, key), value=value, old=old.get(key))
            for field, values, old in changes
            for key, value in values.items()
        )

    def pod_labels(self) -> Mapping[str, str | None]:
        return self.labels if self.live_pods and self.target.kind != "Pod" else {}

    def undo(self) -> str:
        old = {**self.old_labels, **self.old_annotations}
        return f"pod template of {self.target}: {label_words(old)}"
