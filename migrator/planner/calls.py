"""The call graph: who calls which service. Declared in a file, because manifests do not say it."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

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
    """A Service by namespace and name."""

    model_config = _FILE
    namespace: str
    service: str


class Call(BaseModel):
    """One edge."""

    model_config = _FILE
    caller: Caller = Field(alias="from")
    callee: Callee = Field(alias="to")


class CallGraph(Frozen):
    """`complete` says that there are no other calls; without it, calls that are not named may exist."""

    complete: bool = False
    calls: tuple[Call, ...] = ()

    def callers_of(self, namespace: str, service: str) -> tuple[Caller, ...]:
        return tuple(
            c.caller
            for c in self.calls
            if (c.callee.namespace, c.callee.service) == (namespace, service)
        )


def parse_calls(data: Any) -> CallGraph:
    """A call graph from the data of its file. Raises ValueError that names the field and what it wants."""
    try:
        return CallGraph.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        msg = f"{where}: {first['msg']}"
        raise ValueError(msg) from error
