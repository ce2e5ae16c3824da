"""AMB502, a choice of version that is made too early."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.services import Service
from migrator.istio.traffic.entering import enters_by_waypoint, gateway_routes
from migrator.istio.traffic.routing import destinations_in, mesh_routes
from migrator.istio.traffic.virtualservices import apps, is_meshed
from migrator.model.finding import Finding, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule


class IngressUseWaypointLosesGatewaySubsets(Rule):
    """A gateway leads to subsets of a Service, and sends to its waypoint instead, where that choice is lost.

    ## Why
    With `istio.io/ingress-use-waypoint` the endpoints that the gateway sees are those of the waypoint. Which
    subset it had chosen, and how it balances, no longer matters.

    ## Fix
    Move the choice to a route of the mesh (VirtualService with `mesh`, or an HTTPRoute with the Service as
    parent), which the waypoint obeys; or make one Service a version.

    ## References
    - istio/istio pilot/pkg/xds/endpoints/endpoint_builder.go
    """

    code = "AMB502"
    severity = Severity.BLOCKER
    inputs = kinds.WAYPOINT_REASONS | {kinds.INGRESS}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for vs in mesh.routing.gateway_virtual_services:
            for _, path, route in gateway_routes(vs):
                for one in destinations_in(path, route):
                    subset = one.body.get("subset")
                    service = mesh.routing.service_of(one.host, vs.namespace)
                    if not subset or service is None or not is_meshed(mesh, service):
                        continue
                    if enters_by_waypoint(mesh, service) and not _repeats(mesh, vs, service, path):
                        yield self.finding(
                            vs,
                            f"The gateway leads to subset {subset} of {service.host}. It sends to "
                            "the Service's waypoint instead, which chooses among all pods.",
                            fix="Choose the subset by a route of the mesh, or make a Service for each.",
                            path=f"{one.path}.subset",
                            affects=apps(mesh, [service]),
                            callers=["gateway"],
                        )


def _repeats(mesh: Mesh, vs: Resource, service: Service, path: str) -> bool:
    """Whether the Service's waypoint obeys the same route, and so makes the same choice."""
    home = mesh.waypoints.home_of(service)
    return (
        vs in mesh.routing.virtual_services_for(service)
        and mesh.routing.is_read_at_waypoint(vs, service, home)
        and any(path == inside for _, inside, _ in mesh_routes(vs))
    )
