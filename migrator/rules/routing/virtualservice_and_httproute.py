"""AMB212, two kinds of routes for one Service."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.virtualservices import apps, is_meshed
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.model.writes import MANAGED_BY
from migrator.rules.base import Rule


class VirtualserviceAndHttproute(Rule):
    """A Service has a VirtualService and a Gateway API route; which one a waypoint obeys is open.

    ## Why
    Istio makes VirtualServices of Gateway API routes; two sources for one Service are ordered by chance.
    Istio's documentation asks for one kind only. A route that `migrate apply` made of the VirtualService
    answers as it does, in whatever order.

    ## Fix
    Keep one kind for the Service, best the Gateway API route, and put into it what the other one does.

    ## References
    - https://istio.io/latest/docs/ambient/usage/l7-features/
    - istio/istio pilot/pkg/networking/core/listener_waypoint.go
    """

    code = "AMB212"
    severity = Severity.BLOCKER
    inputs = kinds.INJECTION | {kinds.VIRTUAL_SERVICE, kinds.SERVICE} | kinds.ROUTES

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for service in mesh.services.all:
            home = mesh.waypoints.home_of(service)
            read = [
                vs
                for vs in mesh.routing.virtual_services_for(service)
                if mesh.routing.is_read_at_waypoint(vs, service, home)
            ]
            routes = [
                r
                for r in mesh.routing.routes_for(service)
                if r.namespace == service.namespace and r.labels.get(MANAGED_BY) != "migrate"
            ]
            for route in routes if read and is_meshed(mesh, service) else ():
                names_ = ", ".join(f"{vs.namespace}/{vs.name}" for vs in read)
                yield self.finding(
                    route,
                    f"Its parent {service.host} also has VirtualService {names_}. Which of the two "
                    "a waypoint obeys is not defined.",
                    fix="Keep one kind of route for the Service.",
                    path=field("spec", "parentRefs"),
                    affects=apps(mesh, [service]),
                    callers=["ambient"],
                )
