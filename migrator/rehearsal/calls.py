"""One call of the rehearsal's traffic, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from migrator.model.resource import Ref


class Answer(StrEnum):
    """`denied`: by a policy, or for want of mTLS. `failed`: nobody refused it, and it got no good answer."""

    ALLOWED = "allowed"
    DENIED = "denied"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Call:
    """A request that is made again and again, always by the same caller.

    `caller` is None for one outside the mesh. `kind`: sidecar, gateway or outside, as it sends before the
    migration. `number` is the port of the pods behind `port`. `servers` are the workloads that may answer.
    `values`: the request's fields as policies name them (method, path, host, header:…, token, claim:…).
    """

    id: str
    caller: Ref | None
    kind: str
    principal: str
    service: Ref
    servers: tuple[Ref, ...]
    host: str
    port: int
    number: int
    http: bool
    says: str
    values: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def who(self) -> str:
        """The caller as reports name it."""
        return str(self.caller) if self.caller else "a caller outside the mesh"

    def may_be_unserved(self, kind: str) -> bool:
        """Whether `kind` of incident is what one sees when nothing answers behind the Service.

        A proxy then says 503 to HTTP; any other connection it ends without a word, as when it refuses one.
        """
        return kind == "failed" or (kind == "closed" and not self.http)

    @property
    def trust_domain(self) -> str:
        return self.principal.partition("/ns/")[0]

    def data(self) -> dict[str, Any]:
        """For a process that makes the call, or says what would become of it."""
        return {
            "id": self.id,
            "caller": _name(self.caller) if self.caller else "",
            "gateway": self.kind == "gateway",
            "principal": self.principal,
            "trust": self.trust_domain or "cluster.local",
            "service": str(self.service),
            "servers": [_name(server) for server in self.servers],
            "host": self.host,
            "port": self.port,
            "number": self.number,
            "http": self.http,
            "values": dict(self.values),
        }


class Sample(NamedTuple):
    """One answer. `by` says who refused, as far as that can be seen; `simulated`: no packet was sent."""

    call: str
    answer: Answer
    by: str = ""
    simulated: bool = False


def _name(ref: Ref) -> str:
    return f"{ref.namespace}/{ref.name}"
