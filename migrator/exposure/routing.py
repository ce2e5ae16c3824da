"""Which routes and DestinationRules act on a call, and where: in the caller's sidecar, a waypoint, nowhere.

Mirrors istio/istio pilot/pkg/model/virtualservice.go (`SelectVirtualServices`) and push_context.go
(`destinationRule`) for sidecars, pilot/pkg/networking/core/listener_waypoint.go
(`getVirtualServiceForWaypoint`) for waypoints. Sidecar resources, by which a proxy may see less, are not
looked at.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.selectors import has_labels
from migrator.istio.services import Service
from migrator.model.resource import Ref, Resource

from .enforcing import By
from .paths import Caller
from .state import Readiness, State


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


def behaviour(state: State, client: Client, service: Service) -> Behaviour:
    """What shapes a call of `client` to the address of `service`.

    A sidecar shapes the call itself and never asks a waypoint. A gateway has the routes that lead it there,
    and the waypoint's after them where `ingress-use-waypoint` sends it through. ztunnel shapes nothing.
    """
    if client.caller is Caller.SIDECAR:
        return _at_sidecar(state.mesh, client, service)
    if client.caller is Caller.PROXYLESS:
        return Behaviour(unknown="proxyless gRPC is not part of the model")
    through = client.caller is Caller.AMBIENT or (
        client.caller is Caller.GATEWAY and state.ingress_uses_waypoint(service)
    )
    gateway, readiness = state.waypoint_of(service) if through else (None, Readiness.ABSENT)
    if readiness is Readiness.DOWN:
        return Behaviour(refused=f"the waypoint {gateway} has no pods")
    if gateway is not None:
        return _at_waypoint(state.mesh, gateway, service)
    return _at_gateway(state.mesh, client, service) if client.caller is Caller.GATEWAY else _NOTHING


_NOTHING = Behaviour()


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
        routes=_in_order(seen, client.namespace),
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
    return Behaviour(
        By.WAYPOINT, gateway, _in_order(read, home), _destination_rules(mesh, service, home)
    )


def _at_gateway(mesh: Mesh, client: Client, service: Service) -> Behaviour:
    return Behaviour(
        by=By.GATEWAY,
        routes=tuple(route.ref for route in mesh.routing.ingress_routes_for(service)),
        destination_rules=_destination_rules(mesh, service, client.namespace),
    )


def _destination_rules(mesh: Mesh, service: Service, home: str) -> tuple[Ref, ...]:
    """The lookup is the same for every proxy; one with `workloadSelector` is for its own only."""
    found = mesh.routing.destination_rules_at_waypoint(service, home)
    return tuple(rule.ref for rule in found)


def _selects(rule: Resource, client: Client) -> bool:
    wanted = (rule.spec.get("workloadSelector") or {}).get("matchLabels") or {}
    return bool(wanted) and has_labels(wanted, client.labels)


def _in_order(routes: Iterable[Resource], home: str) -> tuple[Ref, ...]:
    """Gateway API routes of the proxy's own namespace first, then the older before the younger."""

    def key(one: Resource) -> tuple[bool, str, str, str]:
        own = one.ref.group_kind != kinds.VIRTUAL_SERVICE and one.namespace == home
        return not own, one.metadata.get("creationTimestamp", ""), one.name, one.namespace

    return tuple(one.ref for one in sorted(routes, key=key))
