"""The shape of a step."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any

from migrator.model.resource import Frozen, Ref
from migrator.model.writes import Write


class Disruption(StrEnum):
    """What a step does to traffic: nothing, it cuts or refuses new connections, or pods restart."""

    NONE = "none"
    NEW_CONNECTIONS = "new-connections"
    RESTART = "restart"


class Target(Frozen):
    """The object that a step changes; `namespace` is empty for cluster-scoped kinds."""

    group: str = ""
    kind: str
    namespace: str = ""
    name: str

    @classmethod
    def of(cls, ref: Ref) -> "Target":
        return _target(ref)

    @property
    def ref(self) -> Ref:
        return Ref(self.group, self.kind, self.namespace, self.name)

    def __str__(self) -> str:
        return str(self.ref)


@lru_cache(maxsize=4_096)
def _target(ref: Ref) -> Target:
    """A step, its checks and its neighbours name the same objects: one is enough of what never changes."""
    return Target(group=ref.group, kind=ref.kind, namespace=ref.namespace, name=ref.name)


class Check(Frozen):
    """Something that must be seen, before or after a step: `predicate` about `about`, within a time.

    `says` is the predicate in words, with the exact field that is looked at. A check that is not seen
    to hold within `timeout_seconds` has failed: absence is not success.
    """

    predicate: str
    about: Target | None = None
    says: str
    timeout_seconds: int = 120


class Step(Frozen, ABC):
    """One reversible change to one target, with its reason, its checks and its inverse.

    `rules` are the codes of the findings, or of the rules, that ask for the step; `requires` are ids of
    steps that must have been verified before.
    """

    id: str
    target: Target
    why: str
    rules: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    disruption: Disruption = Disruption.NONE
    before: tuple[Check, ...] = ()
    after: tuple[Check, ...] = ()

    @abstractmethod
    def summary(self) -> str:
        """What is done, in a line."""

    @abstractmethod
    def change(self) -> Mapping[str, Any]:
        """The exact change, as a person reviews it."""

    @abstractmethod
    def writes(self, stamp: str) -> tuple[Write, ...]:
        """The fields of the target that it sets; `stamp` is the time of this attempt (RFC 3339)."""

    def pod_labels(self) -> Mapping[str, str | None]:
        """Labels that it also sets on the workload's running pods; null removes."""
        return {}

    @abstractmethod
    def undo(self) -> str:
        """How it is taken back, in a line."""


def label_words(labels: Mapping[str, str | None]) -> str:
    """`a=b, c removed`, in the manner of kubectl label."""
    return ", ".join(f"{k} removed" if v is None else f"{k}={v}" for k, v in labels.items())
