"""Who calls, and what is called."""

from enum import StrEnum
from typing import NamedTuple

from migrator.istio.pods.dataplane import Mode
from migrator.istio.services import Service
from migrator.istio.workloads import Workload
from migrator.model.resource import Ref

from .policies import Level


class Caller(StrEnum):
    """How a caller sends; `outside` has no proxy of the mesh, whoever it is."""

    SIDECAR = "sidecar"
    AMBIENT = "ambient"
    GATEWAY = "gateway"
    OUTSIDE = "outside"
    PROXYLESS = "proxyless"
    PENDING = "pending"


CALLERS = {
    Mode.SIDECAR: Caller.SIDECAR,
    Mode.SIDECAR_HBONE: Caller.SIDECAR,
    Mode.MANUAL: Caller.SIDECAR,
    Mode.MIXED: Caller.SIDECAR,
    Mode.AMBIENT: Caller.AMBIENT,
    Mode.GATEWAY: Caller.GATEWAY,
    Mode.NONE: Caller.OUTSIDE,
    Mode.PROXYLESS: Caller.PROXYLESS,
    Mode.PENDING: Caller.PENDING,
}


class Sending(NamedTuple):
    """How a call is sent, and from where.

    `home` is a namespace for whose proxies other DestinationRules count than for all others; empty for these.
    """

    caller: Caller
    home: str = ""


class Target(NamedTuple):
    """What is called: a port of a Service, or with `service` None a port of the pods themselves."""

    service: Service | None
    workload: Workload | None
    port: int  # as the caller names it
    number: int  # the pods' own
    http: bool | None  # None: the protocol is not declared, so it is what comes
    servers: frozenset[Ref] = frozenset()

    @property
    def is_direct(self) -> bool:
        """Whether the call goes to the pods' own addresses."""
        return self.service is None or self.service.headless

    @property
    def levels(self) -> tuple[Level, ...]:
        if self.http is None:
            return (Level.HTTP, Level.TCP)
        return (Level.HTTP,) if self.http else (Level.TCP,)
