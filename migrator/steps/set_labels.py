"""Set (or, with null, remove) labels of one object, in one patch."""

from collections.abc import Mapping
from typing import Any, Literal

from migrator.model.writes import Write

from .base import Step, label_words


class SetLabels(Step):
    """Labels of a namespace, a Service or a Gateway; all keys change in the same request.

    One request matters for a namespace: the injector and istio-cni never see one key without the other.
    `old` are the values that the plan was made from; null means that the key was absent.
    """

    kind: Literal["set-labels"] = "set-labels"
    labels: dict[str, str | None]
    old: dict[str, str | None]

    def summary(self) -> str:
        return f"label {self.target}: {label_words(self.labels)}"

    def change(self) -> Mapping[str, Any]:
        return {"metadata": {"labels": dict(self.labels)}}

    def writes(self, stamp: str) -> tuple[Write, ...]:  # noqa: ARG002
        return tuple(
            Write(path=("metadata", "labels", key), value=value, old=self.old.get(key))
            for key, value in self.labels.items()
        )

    def undo(self) -> str:
        return f"label {self.target}: {label_words(self.old)}"
