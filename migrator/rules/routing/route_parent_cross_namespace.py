"""AMB215, a consumer's own route."""

from collections.abc import Iterator, Mapping
from typing import Any

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.services import Service
from migrator.istio.traffic.routing import ROUTE_KINDS
from migrator.istio.traffic.virtualservices import apps, is_meshed
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.model.resource import Ref, Resource
from migrator.rules.base import Rule


class RouteParentCrossNamespace(Rule):
    """A Gateway API route in a consumer's namespace has a Service of another namespace as parent.

    ## Why
    Such a route shapes the calls of its own namespace only, in the callers' sidecars. A waypoint reads routes
    of its own namespace and of the Service's: once the callers are ambient, nobody applies it.

    ## Fix
    Move what all callers should get to the Service's namespace; give this consumer a Service of its own
    otherwise.

    ## References
    - istio/istio pilot/pkg/networking/core/listener_waypoint.go (`getVirtualServiceForWaypoint`)
    - https://gateway-api.sigs.k8s.io/geps/gep-1294/
    """

    code = "AMB215"
    severity = Severity.BLOCKER
    inputs = kinds.INJECTION | {kinds.SERVICE} | kinds.ROUTES

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for kind in ROUTE_KINDS:
            for route in mesh.of(kind):
                for i, parent in enumerate(route.spec.get("parentRefs") or ()):
                    service = _foreign(mesh, route, parent)
                    if service is None or mesh.waypoints.home_of(service) == route.namespace:
                        continue
                    yield self.finding(
                        route,
                        f"It routes calls to {service.host} from namespace {route.namespace}, "
                        "where no waypoint of that Service looks: once callers are ambient, "
                        "nobody applies it.",
                        fix=f"Move it to namespace {service.namespace} if all callers should get it.",
                        path=field("spec", "parentRefs", i),
                        affects=apps(mesh, [service]),
                        callers=["ambient"],
                    )


def _foreign(mesh: Mesh, route: Resource, parent: Mapping[str, Any]) -> Service | None:
    """The meshed Service of another namespace that the parent names."""
    home = parent.get("namespace") or route.namespace
    if parent.get("kind") != "Service" or parent.get("group") or home == route.namespace:
        return None
    service = mesh.services.get(Ref(*kinds.SERVICE, home, parent.get("name", "")))
    return service if service is not None and is_meshed(mesh, service) else None
