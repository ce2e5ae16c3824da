"""AMB519, a waypoint that ends in two seconds."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.versions import Version
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule

_DEFAULT_SINCE = Version(1, 28)


class WaypointTerminatesEarly(Rule):
    """Before Istio 1.28 a waypoint's pod ends two seconds after it is asked to, whatever it is still doing.

    ## Why
    Requests in flight are cut when a waypoint is scaled in, moved or upgraded.

    ## Fix
    Upgrade Istio to 1.28 or later, or write a longer `terminationGracePeriodSeconds` into its options.

    ## References
    - istio/istio releasenotes/notes/waypoint-termination-grace-period.yaml
    """

    code = "AMB519"
    severity = Severity.WARNING
    inputs = kinds.WAYPOINT_REASONS | {kinds.GATEWAY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        if mesh.version_is_assumed or mesh.istio_version >= _DEFAULT_SINCE:
            return
        needed = any(r.hard for reasons in mesh.waypoints.needing.values() for r in reasons)
        planned = [plane.resource for plane in mesh.control_planes] if needed else []
        for subject in mesh.waypoints.gateways or planned:
            yield self.finding(
                subject,
                f"Waypoints of Istio {mesh.istio_version} end two seconds after they are asked to: "
                "requests in flight are cut.",
                fix="Upgrade Istio to 1.28 or later first.",
                callers=["ambient"],
            )
