"""The way of a call: which hops it passes, with which identity, and where it ends before it begins.

The traffic matrix: istio/istio pilot/pkg/xds/endpoints/endpoint_builder.go (`supportTunnel`,
`findServiceWaypoint`: only gateways ask for a waypoint, sidecars never), and `setTunnelProtocol` of
pilot/pkg/serviceregistry/ambient/workloads.go.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from migrator.istio.pods.dataplane import Mode
from migrator.istio.traffic import fronts
from migrator.istio.workloads import Workload

from .calling import Caller, Sending, Target
from .enforcing import Enforcing
from .facts import Facts
from .sending import ACCEPT_HBONE, Sent, sent
from .state import Pods, Readiness

NOT_TAKEN = "mutual TLS is sent to pods that do not take it"


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


def paths(
    facts: Facts, sending: Sending, target: Target, workload: Workload, pods: Pods
) -> Iterator[Path]:
    """The ways that a call to these pods may take: one, unless nobody can know which of two."""
    found, caller = _path(sending, pods), sending.caller
    unsure = facts.client_side.unsure(sending, target)
    if caller is Caller.PENDING or pods.mode is Mode.PENDING:
        yield found._replace(refused="a pod is being captured: no traffic passes yet")
    elif pods.mode is Mode.PROXYLESS or caller is Caller.PROXYLESS:
        yield found._replace(unknown="proxyless gRPC is not part of the model")
    elif unsure:
        yield found._replace(unknown=unsure)
    else:
        yield from _between_proxies(facts, sending, target, workload, pods)


def _path(sending: Sending, pods: Pods) -> Path:
    return Path(sending.caller, str(pods.mode))


def _between_proxies(
    facts: Facts, sending: Sending, target: Target, workload: Workload, pods: Pods
) -> Iterator[Path]:
    gateway, readiness = _waypoint(facts, sending.caller, target)
    server = facts.server(workload, pods)
    if readiness is Readiness.DOWN:
        yield _path(sending, pods)._replace(refused=f"the waypoint {gateway} has no pods")
    elif gateway is None or target.service is None:
        yield from _straight(facts, sending, target, pods, server)
    else:
        hops = [Hop(facts.waypoint(target.service, gateway), target.port, False, None)]  # noqa: FBT003
        if server:
            identity = fronts.principal(facts.state.mesh, gateway)
            plaintext = pods.mode not in ACCEPT_HBONE
            hops.append(Hop(server, target.number, plaintext, identity))
        yield _path(sending, pods)._replace(hops=tuple(hops))


def _straight(
    facts: Facts, sending: Sending, target: Target, pods: Pods, server: Enforcing | None
) -> Iterator[Path]:
    found = _path(sending, pods)
    if server is None:  # where TLS gets lost that is nobody's denial
        yield found
        return
    for how in sent(facts, sending, target, pods.mode, server):
        if how is Sent.LOST:
            yield found._replace(refused=NOT_TAKEN)
        else:
            yield found._replace(hops=(Hop(server, target.number, how is Sent.PLAIN, None),))


def _waypoint(facts: Facts, caller: Caller, target: Target) -> tuple[Any, Readiness]:
    """The waypoint between, if this caller is sent to one."""
    if target.service is None:
        return None, Readiness.ABSENT
    asks = caller is Caller.AMBIENT or (
        caller is Caller.GATEWAY and facts.state.ingress_uses_waypoint(target.service)
    )
    return facts.state.waypoint_of(target.service) if asks else (None, Readiness.ABSENT)
