"""AMB209, a route that the waypoint may not see."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.virtualservices import apps, concerned, read_at_waypoint
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class VirtualserviceExportto(Rule):
    """A VirtualService is not visible to the waypoint of its Service, which stands in another namespace.

    ## Why
    A waypoint of another namespace reads VirtualServices of the Service's namespace only if they are visible
    there, by `exportTo` or by the mesh's `defaultVirtualServiceExportTo`.

    ## Fix
    Name the waypoint's namespace in `exportTo`, or bind the Service to a waypoint of its own namespace.

    ## References
    - istio/istio pilot/pkg/networking/core/listener_waypoint.go (`getVirtualServiceForWaypoint`)
    - istio/istio pilot/pkg/model/push_context.go (`initVirtualServices`)
    """

    code = "AMB209"
    severity = Severity.BLOCKER
    inputs = kinds.INJECTION | {kinds.VIRTUAL_SERVICE, kinds.SERVICE}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for vs in mesh.routing.mesh_virtual_services:
            unseen = [
                s
                for s in concerned(mesh, vs)
                if read_at_waypoint(mesh, vs, s)
                and not mesh.routing.visible_to(vs, mesh.waypoints.home_of(s))
            ]
            if not unseen:
                continue
            homes = sorted({mesh.waypoints.home_of(s) for s in unseen})
            own = vs.spec.get("exportTo")
            said = f"exportTo {', '.join(own)}" if own else "the mesh's default for exportTo"
            yield self.finding(
                vs,
                f"By {said} it is not visible in {', '.join(homes)}, where the waypoint of "
                f"{', '.join(s.host for s in unseen)} is: the waypoint ignores it.",
                fix=f"Add {homes[0]} to exportTo, or use a waypoint of namespace {vs.namespace}.",
                path=field("spec", "exportTo") if own else "",
                affects=apps(mesh, unseen),
                callers=["ambient"],
            )
