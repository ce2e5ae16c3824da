"""AMB503, the same thing done twice."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.services import Service
from migrator.istio.traffic.entering import enters_by_waypoint, gateway_routes
from migrator.istio.traffic.routefields import HTTP_FEATURES, http_features
from migrator.istio.traffic.routing import destinations_in
from migrator.istio.traffic.virtualservices import apps, is_meshed
from migrator.model.finding import Finding, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule

_TWICE = frozenset({"retries", "fault", "mirror", "mirrors", "rewrite"})


class IngressUseWaypointDoublePolicy(Rule):
    """A gateway's route and a route of the mesh both retry, mirror, rewrite or fault; a request gets both.

    ## Why
    With `istio.io/ingress-use-waypoint` what comes from outside passes the gateway's route and then the
    waypoint's. Retries multiply, mirrors double, rewrites and faults are applied to what was changed already.

    ## Fix
    Leave each of these in one place: at the gateway, or in the mesh.

    ## References
    - istio/istio pilot/pkg/xds/endpoints/endpoint_builder.go
    - istio/istio pilot/pkg/networking/core/listener_waypoint.go
    """

    code = "AMB503"
    severity = Severity.WARNING
    inputs = kinds.WAYPOINT_REASONS | {kinds.INGRESS}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for service in mesh.services.all:
            if not is_meshed(mesh, service) or not enters_by_waypoint(mesh, service):
                continue
            inside = {
                use.name: vs
                for vs in mesh.routing.virtual_services_for(service)
                for use in http_features(vs)
                if use.name in _TWICE
            }
            for outer in mesh.routing.ingress_routes_for(service):
                both = [
                    (name, path) for name, path in _asked(mesh, outer, service) if name in inside
                ]
                if both and outer not in inside.values():
                    yield self.finding(
                        outer,
                        f"What enters for {service.host} gets "
                        f"{', '.join(dict.fromkeys(n for n, _ in both))} here, and once more at "
                        f"the waypoint, by {inside[both[0][0]].ref}.",
                        fix="Leave it in one place: at the gateway, or in the mesh.",
                        path=both[0][1],
                        affects=apps(mesh, [service]),
                        callers=["gateway"],
                    )


def _asked(mesh: Mesh, outer: Resource, service: Service) -> Iterator[tuple[str, str]]:
    """(name, path) of what the gateway's HTTP routes to the Service ask for."""
    if outer.ref.group_kind != kinds.VIRTUAL_SERVICE:
        return
    for protocol, path, route in gateway_routes(outer):
        led = destinations_in(path, route) if protocol == "http" else ()
        if any(mesh.routing.service_of(one.host, outer.namespace) is service for one in led):
            yield from ((name, f"{path}.{name}") for name in HTTP_FEATURES if route.get(name))
