"""How a caller's proxy sends to pods: under its identity, as plain text, or so that they cannot read it.

A sidecar or gateway decides for a whole Service first: `BestEffortInferServiceMTLSMode` of istio/istio
pilot/pkg/model/push_context.go. Of PeerAuthentications only those of the Service's namespace and of the mesh
count for that, and one endpoint without `security.istio.io/tlsMode: istio` decides for all of a headless
Service. Then it decides for each endpoint (pilot/pkg/xds/endpoints/mtls_checker.go), but not where a sidecar
calls a headless Service, to which there is one way (`convertResolution` and `applyUpstreamTLSSettings` of
pilot/pkg/networking/core).

Calls to the pods' own addresses are judged as calls through a Service that no waypoint is bound to, which
anybody may put in front of the same pods: to a bare address a sidecar sends plain text
(`buildDefaultPassthroughCluster` there), of which STRICT lets less in.

A DestinationRule takes the place of the first decision (`buildUpstreamTLSSettings` of
pilot/pkg/networking/core/cluster_tls.go). DISABLE is plain text, except that HBONE is sent to whoever takes
it; ISTIO_MUTUAL is mutual TLS to all others, whether they take it or not
(`applyHBONETransportSocketMatches`); TLS of the caller's own is to a sidecar a connection without identity.

A sidecar that runs is not told when the endpoints of a headless Service change, if all of its ports are HTTP
(`onEventInternal` of pilot/pkg/serviceregistry/kube/controller/endpointslice.go, `cdsNeedsPush` of
pilot/pkg/xds/cds.go; seen on istiod 1.31.0, e2e/test_headless.py): it sends mutual TLS to all of them still.
"""

from collections.abc import Iterator
from enum import Enum, auto

from migrator.istio.pods.dataplane import SIDECAR_MODES, Mode
from migrator.istio.services import Service
from migrator.istio.traffic.clienttls import ISTIO_MUTUAL, ClientTls

from .calling import Caller, Sending, Target
from .enforcing import By, Enforcing
from .facts import Facts

ACCEPT_HBONE = frozenset({Mode.AMBIENT, Mode.SIDECAR_HBONE})


class Sent(Enum):
    """What reaches the pods: `LOST` is mutual TLS where nobody takes it."""

    SECURED = auto()
    PLAIN = auto()
    LOST = auto()


def sent(
    facts: Facts, sending: Sending, target: Target, mode: Mode, server: Enforcing | None
) -> Iterator[Sent]:
    """How a call may be sent to pods of this mode, at which `server` acts: in one way, or one of two."""
    caller = sending.caller
    if caller is Caller.OUTSIDE or (server is not None and server.by == By.GATEWAY):
        yield Sent.PLAIN
    elif caller is Caller.AMBIENT:
        yield Sent.SECURED if mode in ACCEPT_HBONE else Sent.PLAIN
    else:
        yield from _by_proxy(facts, sending, target, mode, _takes_tls(mode, server, target))


def _by_proxy(
    facts: Facts,
    sending: Sending,
    target: Target,
    mode: Mode,
    takes: bool,  # noqa: FBT001
) -> Iterator[Sent]:
    asked, service = facts.client_side.tls(sending, target), target.service
    to_all = service is not None and service.headless and sending.caller is Caller.SIDECAR
    if mode is Mode.AMBIENT and not to_all:
        yield Sent.SECURED
    elif asked.mode == ISTIO_MUTUAL:
        yield Sent.SECURED if takes else Sent.LOST
    elif asked.mode or not facts.client_side.is_automatic:
        yield Sent.PLAIN
    elif to_all and service is not None:
        yield from _to_all(facts, target, service, takes)
    elif _is_secured(facts, target) and _is_labelled(asked, mode, takes):
        yield Sent.SECURED if takes else Sent.LOST
    else:
        yield Sent.PLAIN


def _is_labelled(asked: ClientTls, mode: Mode, takes: bool) -> bool:  # noqa: FBT001
    """Whether callers are told that the endpoint takes mutual TLS."""
    if asked.of_endpoints:
        return asked.of_endpoints == ISTIO_MUTUAL and mode in SIDECAR_MODES
    return takes


def _to_all(facts: Facts, target: Target, service: Service, takes: bool) -> Iterator[Sent]:  # noqa: FBT001
    secured = _is_secured(facts, target)
    if not secured:
        yield Sent.PLAIN
    if secured or (_wants_tls(facts, target) and _is_kept_from_proxies(service)):
        yield Sent.SECURED if takes else Sent.LOST


def _takes_tls(mode: Mode, server: Enforcing | None, target: Target) -> bool:
    return (
        server is not None and mode in SIDECAR_MODES and server.mtls_at(target.number) != "DISABLE"
    )


def _is_kept_from_proxies(service: Service) -> bool:
    """Whether sidecars that run are not told of new endpoints."""
    return all(port.is_http for port in service.ports)


def _is_secured(facts: Facts, target: Target) -> bool:
    """Whether proxies mean to send mutual TLS at all."""
    if not _wants_tls(facts, target):
        return False
    service = target.service
    return (
        service is None
        or not service.headless
        or all(pods.mode in SIDECAR_MODES for _, pods in facts.state.servers(service))
    )


def _wants_tls(facts: Facts, target: Target) -> bool:
    home = target.service or target.workload
    return home is None or facts.mtls_of(home.namespace) != "DISABLE"
