"""AMB213, routes to subsets."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.services import Service
from migrator.istio.traffic.routing import mesh_destinations
from migrator.istio.traffic.virtualservices import apps, concerned
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class VirtualserviceSubsetRoute(Rule):
    """A VirtualService of the mesh leads to subsets of a Service, which only a waypoint can tell apart.

    ## Why
    ztunnel knows the pods of a Service and no subsets: without a waypoint every version gets requests. A
    waypoint builds the subsets of the DestinationRule that it reads; Istio's guide advises one Service for
    each version instead.

    ## Fix
    Try the split behind the waypoint. In the long run: one Service a version, and an HTTPRoute with weights.

    ## References
    - istio/istio pilot/pkg/networking/core/cluster_waypoint.go (`buildWaypointInboundVIP`)
    - https://istio.io/latest/docs/ambient/migrate/
    """

    code = "AMB213"
    severity = Severity.WARNING
    inputs = kinds.INJECTION | {kinds.VIRTUAL_SERVICE, kinds.DESTINATION_RULE, kinds.SERVICE}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for vs in mesh.routing.mesh_virtual_services:
            for service in concerned(mesh, vs):
                routed = {
                    one.body["subset"]: f"{one.path}.subset"
                    for one in mesh_destinations(vs)
                    if one.body.get("subset")
                    and mesh.routing.service_of(one.host, vs.namespace) is service
                }
                if not routed:
                    continue
                unknown = sorted(set(routed) - _defined(mesh, service))
                yield self.finding(
                    vs,
                    f"It leads to the subsets {', '.join(sorted(routed))} of {service.host}. "
                    "Without a waypoint all pods get requests"
                    + (
                        f"; the waypoint would find no subset {', '.join(unknown)}."
                        if unknown
                        else "."
                    ),
                    fix="Try the split behind the waypoint; better, make a Service for each version.",
                    path=routed[min(routed)],
                    affects=apps(mesh, [service]),
                    callers=["ambient"],
                )


def _defined(mesh: Mesh, service: Service) -> set[str]:
    """The subsets that a waypoint of the Service would know."""
    home = mesh.waypoints.home_of(service)
    rules = mesh.routing.destination_rules_at(service, home)
    return {subset.get("name", "") for rule in rules for subset in rule.spec.get("subsets") or ()}
