"""AMB510, a preamble that only a proxy writes."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.policies.clientpolicy import uses
from migrator.istio.traffic.destinationrules import applied_to, listed
from migrator.istio.traffic.virtualservices import apps
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule


class ProxyProtocol(Rule):
    """Sidecars send the PROXY protocol to a Service of the mesh; ztunnel does not.

    ## Why
    The DestinationRule lets the client's sidecar write the preamble that the application reads. Without a
    waypoint the application waits for a preamble that never comes.

    ## Fix
    `migrate plan` binds the Service to a waypoint, which writes it.

    ## References
    - istio/istio pilot/pkg/networking/core/cluster_waypoint.go (`buildWaypointInboundVIPCluster`)
    """

    code = "AMB510"
    severity = Severity.BLOCKER
    remedy = Remedy.AUTOMATIC
    inputs = kinds.MESHED | {kinds.DESTINATION_RULE, kinds.SERVICE}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for rule in mesh.of(kinds.DESTINATION_RULE):
            found = uses(rule, "proxyProtocol")
            services = [
                s
                for s in (applied_to(mesh, rule) if found else ())
                if mesh.waypoints.bound_to(s).gateway is None
            ]
            if services:
                yield self.finding(
                    rule,
                    f"Sidecars write the PROXY protocol to {listed(s.host for s in services)}. "
                    "ztunnel does not, and the application waits for it.",
                    fix="Put a waypoint in front of the Service; `migrate plan` does it.",
                    path=found[0].path,
                    affects=apps(mesh, services),
                    callers=["ambient"],
                )
