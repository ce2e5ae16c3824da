"""The call graph: who calls which service. Declared in a file, or measured: manifests do not say it."""

from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from migrator.model.resource import Frozen

_FILE = ConfigDict(extra="forbid", populate_by_name=True, frozen=True)


class Caller(BaseModel):
    """A workload (`namespace`, `kind`, `name`), or a gateway as `namespace/name` of its workload."""

    model_config = _FILE
    namespace: str = ""
    kind: str = "Deployment"
    name: str = ""
    gateway: str = ""

    def __str__(self) -> str:
        return (
            f"gateway {self.gateway}"
            if self.gateway
            else f"{self.kind}/{self.namespace}/{self.name}"
        )


class Callee(BaseModel):
    """A Service by namespace and name; or a workload whose pods are called without one."""

    model_config = _FILE
    namespace: str
    service: str = ""
    kind: str = "Deployment"
    workload: str = ""

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if bool(self.service) == bool(self.workload):
            msg = "either `service` or `workload` is needed"
            raise ValueError(msg)
        return self

    def __str__(self) -> str:
        if self.workload:
            return f"{self.kind}/{self.namespace}/{self.workload}"
        return f"Service/{self.namespace}/{self.service}"


class Call(BaseModel):
    """One edge."""

    model_config = _FILE
    caller: Caller = Field(alias="from")
    callee: Callee = Field(alias="to")


class Measured(BaseModel):
    """Where and when calls were measured, and what the measurement cannot place.

    `outside` are callees with callers from outside the mesh; `unplaced` are names in the metrics that
    are not in the source; `gaps` says in words what the measurement itself lacks.
    """

    model_config = _FILE
    at: str
    window: str
    until: str
    outside: tuple[Callee, ...] = ()
    unplaced: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()


class CallGraph(Frozen):
    """`complete` says that there are no other calls; without it, calls that are not named may exist.

    What was measured never makes a graph complete: a call that did not happen in the window is not in it.
    Only a person says so.
    """

    complete: bool = False
    calls: tuple[Call, ...] = ()
    measured: Measured | None = None

    def callers_of(self, callees: frozenset[Callee]) -> tuple[Caller, ...]:
        return tuple(c.caller for c in self.calls if c.callee in callees)

    def joined(self, measured: "CallGraph") -> "CallGraph":
        """The graph with every call of `measured` too; as complete as this one claims to be."""
        calls = dict.fromkeys((*self.calls, *measured.calls))
        return CallGraph(complete=self.complete, calls=tuple(calls), measured=measured.measured)


def parse_calls(data: Any) -> CallGraph:
    """A call graph from the data of its file. Raises ValueError that names the field and what it wants."""
    try:
        return CallGraph.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        msg = f"{where}: {first['msg']}"
        raise ValueError(msg) from error


def dump_calls(graph: CallGraph) -> str:
    """The file of a call graph, for review and for `parse_calls`."""
    data = graph.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return yaml.safe_dump({"complete": graph.complete} | data, sort_keys=False, width=100)
