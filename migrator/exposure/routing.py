"""Which routes and DestinationRules act on a call, and where: in the caller's sidecar, a waypoint, nowhere.

Mirrors istio/istio pilot/pkg/model/virtualservice.go (`SelectVirtualServices`), sidecar.go
(`computeWildcardHostVirtualServiceIndex`: the most specific host counts) and push_context.go
(`destinationRule`) for sidecars, pilot/pkg/networking/core/listener_waypoint.go
(`getVirtualServiceForWaypoint`) for waypoints. Sidecar resources, by which a proxy may see less, are not
looked at.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.selectors import has_labels
from migrator.istio.services import Service
from migrator.istio.traffic.hosts import fqdn, matches
from migrator.istio.versions import Version
from migrator.model.resource import Ref, Resource

from .calling import Caller
from .enforcing import By
from .state import Readiness, State

_WAYPOINTS_MERGE_SINCE = Version(1, 30)  # releasenotes/notes/59484.yaml


@dataclass(frozen=True)
class Client:
    """Who calls: how it sends, from which namespace, and the labels of its pods."""

    caller: Caller
    namespace: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Behaviour:
    """What shapes a call. `by` is empty where nothing does; `refused` says why no call passes, `unknown`
    why nobody can say.

    `routes` in the order in which they are looked at: a sidecar obeys the first, a waypoint tries one after
    the other.
    """

    by: str = ""
    where: Ref | None = None
    routes: tuple[Ref, ...] = ()
    destination_rules: tuple[Ref, ...] = ()
    refused: str = ""
    unknown: str = ""

    @property
    def obeyed(self) -> tuple[Ref, ...]:
        """The routes that can decide at all."""
        return self.routes[:1] if self.by == By.SIDECAR else self.routes


class Bound(NamedTuple):
    """Where a Service's callers are sent: `ingress` says that gateways are too."""

    gateway: Ref | None = None
    readiness: Readiness = Readiness.ABSENT
    ingress: bool = False

    @classmethod
    def of(cls, state: State, service: Service) -> "Bound":
        """As it is in a state."""
        gateway, readiness = state.waypoint_of(service)
        return cls(gateway, readiness, state.ingress_uses_waypoint(service))


def behaviour(state: State, client: Client, service: Service) -> Behaviour:
    """What shapes a call of `client` to the address of `service`, at the last place that does."""
    return behaviours(state.mesh, client, service, Bound.of(state, service))[-1]


def behaviours(mesh: Mesh, client: Client, service: Service, bound: Bound) -> tuple[Behaviour, ...]:
    """What shapes a call of `client` to the address of `service`, place by place; never empty.

    A sidecar shapes the call itself and never asks a waypoint. A gateway has the routes that lead it there,
    and the waypoint's after them where `ingress-use-waypoint` sends it through. ztunnel shapes nothing.
    """
    if client.caller is Caller.SIDECAR:
        return (_at_sidecar(mesh, client, service),)
    if client.caller is Caller.PROXYLESS:
        return (Behaviour(unknown="proxyless gRPC is not part of the model"),)
    if client.caller is Caller.GATEWAY:
        own = _at_gateway(mesh, client, service)
        return (own, *_through(mesh, service, bound)) if bound.ingress else (own,)
    through = _through(mesh, service, bound) if client.caller is Caller.AMBIENT else ()
    return through or (Behaviour(),)


def _through(mesh: Mesh, service: Service, bound: Bound) -> tuple[Behaviour, ...]:
    if bound.readiness is Readiness.DOWN:
        return (Behaviour(refused=f"the waypoint {bound.gateway} has no pods"),)
    return () if bound.gateway is None else (_at_waypoint(mesh, bound.gateway, service),)


def _at_sidecar(mesh: Mesh, client: Client, service: Service) -> Behaviour:
    seen = [
        vs
        for vs in mesh.routing.virtual_services_for(service)
        if mesh.routing.visible_to(vs, client.namespace)
    ]
    homes = {service.namespace, client.namespace}
    seen += [route for route in mesh.routing.routes_for(service) if route.namespace in homes]
    own = [
        rule.ref
        for rule in mesh.routing.destination_rules_for(service)
        if rule.namespace == client.namespace and _selects(rule, client)
    ]
    return Behaviour(
        by=By.SIDECAR,
        routes=_in_order(_most_specific(seen, service), client.namespace),
        destination_rules=tuple(own) or _destination_rules(mesh, service, client.namespace),
    )


def _at_waypoint(mesh: Mesh, gateway: Ref, service: Service) -> Behaviour:
    home = gateway.namespace
    read = [
        vs
        for vs in mesh.routing.virtual_services_for(service)
        if mesh.routing.is_read_at_waypoint(vs, service, home)
    ]
    homes = {service.namespace, home}
    read += [route for route in mesh.routing.routes_for(service) if route.namespace in homes]
    routes = _in_order(read, home)
    if mesh.istio_version < _WAYPOINTS_MERGE_SINCE:
        routes = routes[:1]
    return Behaviour(By.WAYPOINT, gateway, routes, _destination_rules(mesh, service, home))


def _at_gateway(mesh: Mesh, client: Client, service: Service) -> Behaviour:
    return Behaviour(
        by=By.GATEWAY,
        routes=tuple(route.ref for route in mesh.routing.ingress_routes_for(service)),
        destination_rules=_destination_rules(mesh, service, client.namespace),
    )


def _destination_rules(mesh: Mesh, service: Service, home: str) -> tuple[Ref, ...]:
    """The lookup is the same for every proxy; one with `workloadSelector` is for its own only."""
    found = mesh.routing.destination_rules_at(service, home)
    return tuple(rule.ref for rule in found)


def _most_specific(routes: list[Resource], service: Service) -> list[Resource]:
    """Of overlapping hosts the exact one, or the longest wildcard, has the Service."""
    ranked = [(_rank(one, service), one) for one in routes]
    best = max((rank for rank, _ in ranked), default=0)
    return [one for rank, one in ranked if rank == best]


def _rank(route: Resource, service: Service) -> int:
    exact = len(service.host) + 2
    if route.ref.group_kind != kinds.VIRTUAL_SERVICE:
        return exact
    hosts = [fqdn(host, route.namespace) for host in route.spec.get("hosts") or ()]
    known = [host for host in hosts if matches(host, service.host)]
    return max((len(host) if host.startswith("*") else exact for host in known), default=0)


def _selects(rule: Resource, client: Client) -> bool:
    wanted = (rule.spec.get("workloadSelector") or {}).get("matchLabels") or {}
    return bool(wanted) and has_labels(wanted, client.labels)


def _in_order(routes: Iterable[Resource], home: str) -> tuple[Ref, ...]:
    """Gateway API routes of the proxy's own namespace first, then the older before the younger."""

    def key(one: Resource) -> tuple[bool, str, str, str]:
        own = one.ref.group_kind != kinds.VIRTUAL_SERVICE and one.namespace == home
        return not own, one.metadata.get("creationTimestamp", ""), one.name, one.namespace

    return tuple(one.ref for one in sorted(routes, key=key))
