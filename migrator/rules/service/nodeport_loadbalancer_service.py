"""AMB612, an application with a door of its own."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.destinationrules import listed
from migrator.istio.traffic.entering import PROTECTION
from migrator.istio.traffic.virtualservices import apps, is_meshed
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class NodeportLoadbalancerService(Rule):
    """An application of the mesh has a NodePort or LoadBalancer of its own, past any gateway.

    ## Why
    What comes from outside the mesh is plaintext and goes straight to the pod: STRICT refuses it, as it does
    with a sidecar. HTTP-level policies, which the sidecar applied to it, stand at a waypoint that it never
    meets; the guard then refuses it.

    ## Fix
    Lead it through an Istio gateway, with `istio.io/ingress-use-waypoint` where policy needs it.

    ## References
    - istio/ztunnel ARCHITECTURE.md (inbound passthrough)
    - https://istio.io/latest/docs/ambient/usage/waypoint/
    """

    code = "AMB612"
    severity = Severity.WARNING
    inputs = kinds.WAYPOINT_REASONS

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for service in mesh.services.all:
            if service.type not in {"NodePort", "LoadBalancer"} or not is_meshed(mesh, service):
                continue
            sources = [r.source for r in mesh.waypoints.needs(service) if r.code in PROTECTION]
            yield self.finding(
                service.resource,
                f"It lets callers from outside the mesh in ({service.type}), past any waypoint."
                + (
                    f" {listed(map(str, sources))} is not applied to them there, and the guard "
                    "refuses them."
                    if sources
                    else ""
                ),
                fix="Lead callers from outside through a gateway.",
                path="spec.type",
                severity=Severity.BLOCKER if sources else Severity.WARNING,
                affects=apps(mesh, [service]),
                callers=["outside"],
            )
