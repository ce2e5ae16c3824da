"""AMB127, an mTLS mode for waypoints."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.mesh import Mesh
from migrator.istio.policies.attachment import selector_labels
from migrator.istio.selectors import has_labels
from migrator.istio.workloads import Role
from migrator.model.finding import Effect, Finding, Remedy, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule


class WaypointIgnoresPeerauthentication(Rule):
    """A PeerAuthentication selects a waypoint, which takes mTLS whatever it says.

    ## Why
    A waypoint listens on port 15008, always by mTLS. PERMISSIVE does not open it to plain text, and
    STRICT adds nothing.

    ## Fix
    Remove the policy. To let plain text in, the workload has to be reached without its waypoint.

    ## References
    - istio/istio pilot/pkg/networking/core/listener_waypoint.go
    """

    code = "AMB127"
    severity = Severity.INFO
    remedy = Remedy.NONE
    inputs = kinds.WORKLOADS - kinds.NAMESPACES | {kinds.PEER_AUTHENTICATION}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for policy in mesh.of(kinds.PEER_AUTHENTICATION):
            if _selects_waypoint(mesh, policy):
                yield self.finding(
                    policy,
                    "This PeerAuthentication selects a waypoint, which always takes mTLS on port 15008.",
                    fix="Remove it; it has no effect.",
                    path="spec.selector",
                    effect=Effect.IGNORED,
                )


def _selects_waypoint(mesh: Mesh, policy: Resource) -> bool:
    wanted = selector_labels(policy)
    if not wanted:
        return False
    return wanted.get(names.GATEWAY_CLASS_NAME) == names.WAYPOINT_CLASS or any(
        w.role is Role.WAYPOINT and has_labels(wanted, w.labels)
        for w in mesh.workloads_in(policy.namespace)
    )
