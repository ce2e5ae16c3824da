"""What one Kubernetes object is to us: its reference, its body, and where it came from.

Bodies stay plain mappings, as the API server has them; types of a client library never enter the core.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """The base of every contract that leaves the process: immutable, strict about unknown fields."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_serialization_defaults_required=True
    )


class GroupKind(NamedTuple):
    """A kind with its API group; `Gateway` alone would be two different things."""

    group: str
    kind: str

    def __str__(self) -> str:
        return f"{self.kind}.{self.group}" if self.group else self.kind


class Ref(NamedTuple):
    """Which object: group, kind, namespace (empty for cluster-scoped kinds) and name."""

    group: str
    kind: str
    namespace: str
    name: str

    @property
    def group_kind(self) -> GroupKind:
        return GroupKind(self.group, self.kind)

    def __str__(self) -> str:
        return "/".join(part for part in (self.kind, self.namespace, self.name) if part)


class Origin(NamedTuple):
    """The file an object was read from, and the line (from 1) where it begins."""

    file: str
    line: int


@dataclass(frozen=True, slots=True, eq=False)
class Resource:
    """One object as the API server, or a file, gave it.

    Readers guarantee the shapes of the fields that the tool uses (`istio/schema/shapes.py`), drop nulls, and
    drop what may be secret; so `spec`, `labels` and `annotations` can be walked without checks. They are
    looked up once: every rule asks for them.
    """

    ref: Ref
    body: Mapping[str, Any]
    origin: Origin | None = None
    metadata: Mapping[str, Any] = field(init=False, repr=False)
    labels: Mapping[str, str] = field(init=False, repr=False)
    annotations: Mapping[str, str] = field(init=False, repr=False)
    spec: Mapping[str, Any] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        metadata = self.body.get("metadata") or {}
        put = object.__setattr__
        put(self, "metadata", metadata)
        put(self, "labels", metadata.get("labels") or {})
        put(self, "annotations", metadata.get("annotations") or {})
        put(self, "spec", self.body.get("spec") or {})

    @property
    def namespace(self) -> str:
        return self.ref.namespace

    @property
    def name(self) -> str:
        return self.ref.name

    @property
    def status(self) -> Mapping[str, Any]:
        return self.body.get("status") or {}
