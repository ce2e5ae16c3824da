"""AMB522, a Service that goes without."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.destinationrules import listed
from migrator.istio.traffic.entering import PROTECTION
from migrator.istio.traffic.virtualservices import apps, is_meshed
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class ServiceWaypointOptOut(Rule):
    """A Service opts out of waypoints (`istio.io/use-waypoint: none`): calls go straight to its pods.

    ## Why
    The label wins over the namespace's. Where HTTP-level policy protects the pods, this Service is a way past
    it, and after the guard a way that is closed.

    ## Fix
    Take the label away where policy protects the pods; leave it where no HTTP proxy should stand.

    ## References
    - istio/istio pilot/pkg/serviceregistry/ambient/waypoints.go (`GetUseWaypoint`)
    """

    code = "AMB522"
    severity = Severity.WARNING
    inputs = kinds.WAYPOINT_REASONS

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for service in mesh.services.all:
            if service.labels.get(names.USE_WAYPOINT) != "none" or not is_meshed(mesh, service):
                continue
            sources = [r.source for r in mesh.waypoints.needs(service) if r.code in PROTECTION]
            inherited = mesh.waypoints.binding_of({}, service.namespace).gateway
            if not sources and inherited is None:
                continue
            yield self.finding(
                service.resource,
                "It opts out of waypoints. "
                + (
                    f"{listed(map(str, sources))} protects its pods: calls to this Service go past "
                    "it."
                    if sources
                    else f"The others of its namespace use {inherited.name if inherited else ''}."
                ),
                fix="Take the label away, if an HTTP proxy may stand in front.",
                path=field("metadata", "labels", names.USE_WAYPOINT),
                severity=Severity.BLOCKER if sources else Severity.WARNING,
                affects=apps(mesh, [service]),
                callers=["ambient"],
            )
