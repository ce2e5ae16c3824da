"""The way of a call: which hops it passes, with which identity, and where it ends before it begins.

The traffic matrix: istio/istio pilot/pkg/xds/endpoints/endpoint_builder.go (`supportTunnel`,
`findServiceWaypoint`: only gateways ask for a waypoint, sidecars never), and `setTunnelProtocol` of
pilot/pkg/serviceregistry/ambient/workloads.go.
"""

from enum import StrEnum
from typing import Any, NamedTuple

from migrator.istio.pods.dataplane import Mode
from migrator.istio.services import Service
from migrator.istio.traffic import fronts
from migrator.istio.workloads import Workload
from migrator.model.resource import Ref

from .enforcing import By, Enforcing
from .facts import Facts
from .policies import Level
from .state import Pods, Readiness


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
_LEGACY = frozenset({Mode.SIDECAR, Mode.SIDECAR_HBONE, Mode.MANUAL, Mode.MIXED})
_SENDS_HBONE = frozenset({Caller.SIDECAR, Caller.GATEWAY, Caller.AMBIENT})
_BY_CLUSTER = frozenset({Caller.SIDECAR, Caller.GATEWAY})
_ACCEPTS_HBONE = frozenset({Mode.AMBIENT, Mode.SIDECAR_HBONE})


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


class Hop(NamedTuple):
    """One enforcer on the way. `as_waypoint`: the principal that it sees instead of the caller's."""

    enforcing: Enforcing
    port: int
    plaintext: bool
    as_waypoint: str | None

    @property
    def key(self) -> tuple[Any, ...]:
        return (self.enforcing.key, self.port, self.plaintext, self.as_waypoint)


class Path(NamedTuple):
    """The hops in order; `refused` where no packet arrives, `unknown` where nobody can say."""

    caller: Caller
    server: str  # the mode of the pods that it ends at
    hops: tuple[Hop, ...] = ()
    refused: str = ""
    unknown: str = ""

    @property
    def key(self) -> tuple[Any, ...]:
        return (tuple(hop.key for hop in self.hops), self.refused, self.unknown)


def path(facts: Facts, caller: Caller, target: Target, workload: Workload, pods: Pods) -> Path:
    """The way of a call from `caller` to these pods."""
    found = Path(caller, str(pods.mode))
    if caller is Caller.PENDING or pods.mode is Mode.PENDING:
        return found._replace(refused="a pod is being captured: no traffic passes yet")
    if pods.mode is Mode.PROXYLESS or caller is Caller.PROXYLESS:
        return found._replace(unknown="proxyless gRPC is not part of the model")
    gateway, readiness = _waypoint(facts, caller, target)
    if readiness is Readiness.DOWN:
        return found._replace(refused=f"the waypoint {gateway} has no pods")
    server = facts.server(workload, pods)
    if gateway is None or target.service is None:
        plaintext = _is_plaintext(caller, pods.mode, server, target.number) or _is_mixed(
            facts, caller, target
        )
        last = (Hop(server, target.number, plaintext, None),) if server else ()
        return found._replace(hops=last)
    hops = [Hop(facts.waypoint(target.service, gateway), target.port, False, None)]  # noqa: FBT003
    if server:
        identity = fronts.principal(facts.state.mesh, gateway)
        plaintext = pods.mode not in _ACCEPTS_HBONE
        hops.append(Hop(server, target.number, plaintext, identity))
    return found._replace(hops=tuple(hops))


def _waypoint(facts: Facts, caller: Caller, target: Target) -> tuple[Any, Readiness]:
    """The waypoint between, if this caller is sent to one."""
    if target.service is None:
        return None, Readiness.ABSENT
    sent = caller is Caller.AMBIENT or (
        caller is Caller.GATEWAY and facts.state.ingress_uses_waypoint(target.service)
    )
    return facts.state.waypoint_of(target.service) if sent else (None, Readiness.ABSENT)


def _is_mixed(facts: Facts, caller: Caller, target: Target) -> bool:
    """Whether proxies do without mutual TLS for all pods of a headless Service, because of some.

    `BestEffortInferServiceMTLSMode` of pilot/pkg/model/push_context.go: one endpoint without
    `security.istio.io/tlsMode: istio` decides for all, as there is one cluster for all.
    """
    if target.service is None or not target.service.headless or caller not in _BY_CLUSTER:
        return False
    return any(pods.mode not in _LEGACY for _, pods in facts.state.servers(target.service))


def _is_plaintext(caller: Caller, mode: Mode, server: Enforcing | None, port: int) -> bool:
    """Whether the server sees no identity. Sidecars and gateways do without mutual TLS where the server's
    PeerAuthentication says DISABLE; ztunnel does not know that mode.
    """
    if caller is Caller.OUTSIDE or server is None:
        return True
    if server.by == By.GATEWAY:
        return True
    if mode is Mode.AMBIENT:
        return caller not in _SENDS_HBONE
    if caller is Caller.AMBIENT:
        return mode not in _ACCEPTS_HBONE
    return mode not in _LEGACY or server.mtls_at(port) == "DISABLE"
