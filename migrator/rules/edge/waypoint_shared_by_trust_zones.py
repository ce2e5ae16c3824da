"""AMB523, one waypoint for several namespaces."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.destinationrules import listed
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class WaypointSharedByTrustZones(Rule):
    """Services of several namespaces share one waypoint, and with it its identity and its resources.

    ## Why
    Every workload behind it must let the waypoint's identity in: whoever may call one of the Services comes
    under the same name as who may call the others, and a load on one slows all.

    ## Fix
    Use one waypoint for each namespace, unless they belong together.

    ## References
    - https://istio.io/latest/docs/ambient/usage/waypoint/
    """

    code = "AMB523"
    severity = Severity.WARNING
    inputs = kinds.WORKLOADS | {kinds.GATEWAY, kinds.SERVICE}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for gateway in mesh.waypoints.gateways:
            bound = mesh.waypoints.bound_services(gateway.ref)
            homes = sorted({s.namespace for s in bound})
            if len(homes) > 1:
                yield self.finding(
                    gateway,
                    f"Services of the namespaces {listed(homes)} share it: their workloads see one "
                    f"caller, {gateway.namespace}/{gateway.name}, for all of them.",
                    fix="Use one waypoint for each namespace, unless they belong together.",
                    affects=[s.ref for s in bound],
                    callers=["ambient"],
                )
