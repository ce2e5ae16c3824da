"""AMB224, TLS to an application of the mesh."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.policies.clientpolicy import uses
from migrator.istio.traffic.destinationrules import applied_to, listed
from migrator.istio.traffic.virtualservices import apps
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule


class DestinationruleTlsSimpleInternal(Rule):
    """Sidecars originate TLS to a Service of the mesh whose application ends TLS itself; ztunnel does not.

    ## Why
    The client speaks plain HTTP, and its sidecar makes TLS of it by the DestinationRule. Without a waypoint
    the application gets plain HTTP on its TLS port.

    ## Fix
    `migrate plan` binds the Service to a waypoint, which originates the TLS inside HBONE. Or let the
    application speak plain HTTP: the mesh encrypts.

    ## References
    - istio/istio pilot/pkg/networking/core/cluster_waypoint.go (`buildWaypointTLSContext`)
    """

    code = "AMB224"
    severity = Severity.BLOCKER
    remedy = Remedy.AUTOMATIC
    inputs = kinds.INJECTION | {kinds.DESTINATION_RULE, kinds.SERVICE}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for rule in mesh.of(kinds.DESTINATION_RULE):
            found = [
                tls for tls in uses(rule, "tls") if tls.value.get("mode") in {"SIMPLE", "MUTUAL"}
            ]
            services = [
                s for s in applied_to(mesh, rule) if mesh.waypoints.bound_to(s).gateway is None
            ]
            if not found or not services:
                continue
            yield self.finding(
                rule,
                f"Sidecars originate {found[0].value['mode']} TLS to "
                f"{listed(s.host for s in services)}. ztunnel does not: the application gets plain "
                "HTTP where it expects TLS.",
                fix="Put a waypoint in front of the Service; `migrate plan` does it.",
                path=found[0].path,
                affects=apps(mesh, services),
                callers=["ambient"],
            )
