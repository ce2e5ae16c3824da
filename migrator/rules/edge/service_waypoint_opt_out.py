"""AMB522, a Service that goes without."""

from collections.abc import Iterator, Sequence

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.destinationrules import listed
from migrator.istio.traffic.entering import PROTECTION
from migrator.istio.traffic.virtualservices import apps, is_meshed
from migrator.istio.waypoint.waypoints import Reason
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.model.resource import Ref
from migrator.rules.base import Rule


class ServiceWaypointOptOut(Rule):
    """A Service opts out of waypoints (`istio.io/use-waypoint: none`): calls go straight to its pods.

    ## Why
    The label wins over the namespace's. Where HTTP-level policy protects the pods, this Service is a way past
    it, and after the guard a way that is closed.

    ## Fix
    Take the label away where policy protects the pods, or a route or filter acts on its calls; leave it where
    no HTTP proxy should stand. Where something asks for a waypoint all the same it is a blocker: once it is
    accepted, the plan writes its own waypoint in the label's place, and a rollback puts the label back.

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
            reasons = [r for r in mesh.waypoints.needs(service) if r.hard]
            inherited = mesh.waypoints.binding_of({}, service.namespace).gateway
            if not reasons and inherited is None:
                continue
            fix = "Take the label away, if an HTTP proxy may stand in front."
            if reasons:
                fix += (
                    " Once this is accepted, the plan writes its own waypoint in the label's place."
                )
            yield self.finding(
                service.resource,
                f"It opts out of waypoints. {_what_is_lost(reasons, inherited)}",
                fix=fix,
                path=field("metadata", "labels", names.USE_WAYPOINT),
                severity=Severity.BLOCKER if reasons else Severity.WARNING,
                affects=apps(mesh, [service]),
                callers=["ambient"],
            )


def _what_is_lost(reasons: Sequence[Reason], inherited: Ref | None) -> str:
    protecting = {str(r.source) for r in reasons if r.code in PROTECTION}
    if protecting:
        return f"{listed(sorted(protecting))} protects its pods: calls to this Service go past it."
    if reasons:
        found = listed(sorted({str(r.source) for r in reasons}))
        return f"Nobody does for ambient callers what {found} asks for."
    return f"The others of its namespace use {inherited.name if inherited else ''}."
