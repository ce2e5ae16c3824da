"""AMB201, mesh routing that nobody does without a waypoint."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.virtualservices import concerned
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule


class VirtualserviceNeedsWaypoint(Rule):
    """A VirtualService routes calls inside the mesh, which sidecars do and ztunnel does not.

    ## Why
    Routing to subsets, retries, timeouts, faults, mirrors and rewrites happen in the caller's sidecar.
    An ambient caller has none; only a waypoint of the destination reads the VirtualService.

    ## Fix
    `migrate plan` makes a waypoint and binds the Service to it. In the long run an HTTPRoute with the
    Service as parent is the form that ambient supports best.

    ## References
    - istio/istio pilot/pkg/networking/core/listener_waypoint.go
    - https://istio.io/latest/docs/ambient/usage/l7-features/
    """

    code = "AMB201"
    severity = Severity.BLOCKER
    remedy = Remedy.AUTOMATIC
    inputs = kinds.INJECTION | {kinds.VIRTUAL_SERVICE, kinds.SERVICE}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for vs in mesh.routing.mesh_virtual_services:
            services = [s for s in concerned(mesh, vs) if s.namespace == vs.namespace]
            unbound = [s for s in services if mesh.waypoints.bound_to(s).gateway is None]
            if not unbound:
                continue
            names = ", ".join(s.host for s in unbound)
            yield self.finding(
                vs,
                f"It routes calls of the mesh to {names}. Ambient callers do not see it: their "
                "calls go to the Service as if it were not there, until a waypoint stands in "
                "front.",
                fix="Put a waypoint in front of the Service; `migrate plan` does it.",
                path=field("spec", "hosts"),
                affects=[w for s in unbound for w in mesh.services.workloads(s)],
                callers=["ambient"],
            )
