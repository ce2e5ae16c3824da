"""AMB214, a mesh route that already acts."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.virtualservices import apps, is_meshed
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule


class RouteIsNotDormant(Rule):
    """A Gateway API route has a Service as parent: sidecars obey it already, ztunnel never does.

    ## Why
    Istio makes a mesh route of it at once, whether or not there is a waypoint. So it cannot be laid out in
    advance, and callers that become ambient lose it unless the Service is bound.

    ## Fix
    `migrate plan` makes the waypoint and binds the Service. Create new routes only when they may act.

    ## References
    - istio/istio pilot/pkg/config/kube/gateway/conversion.go
    - istio/istio pilot/pkg/networking/core/listener_waypoint.go
    """

    code = "AMB214"
    severity = Severity.WARNING
    remedy = Remedy.AUTOMATIC
    inputs = kinds.INJECTION | {kinds.SERVICE} | kinds.ROUTES

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for service in mesh.services.all:
            if mesh.waypoints.bound_to(service).gateway is not None or not is_meshed(mesh, service):
                continue
            for route in mesh.routing.routes_for(service):
                if route.namespace == service.namespace:
                    yield self.finding(
                        route,
                        f"It routes calls of the mesh to {service.host}. Sidecars obey it already; "
                        "ambient callers go past it until a waypoint stands in front of the "
                        "Service.",
                        fix="Put a waypoint in front of the Service; `migrate plan` does it.",
                        path=field("spec", "parentRefs"),
                        affects=apps(mesh, [service]),
                        callers=["ambient"],
                    )
