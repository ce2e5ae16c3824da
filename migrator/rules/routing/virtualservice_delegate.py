"""AMB210, routes that others write."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.routing import mesh_routes
from migrator.istio.traffic.virtualservices import apps, concerned
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class VirtualserviceDelegate(Rule):
    """A VirtualService of the mesh hands part of its routes to others (`delegate`).

    ## Why
    A waypoint reads the root only in its own namespace or the Service's; the delegates are merged into it
    before, wherever they are. The same routes then apply to every caller, at the waypoint.

    ## Fix
    Keep the root in the Service's namespace, and try the merged routes behind the waypoint.

    ## References
    - istio/istio pilot/pkg/model/virtualservice.go (`mergeVirtualServicesIfNeeded`)
    - istio/istio pilot/pkg/networking/core/listener_waypoint.go
    """

    code = "AMB210"
    severity = Severity.WARNING
    inputs = kinds.INJECTION | {kinds.VIRTUAL_SERVICE, kinds.SERVICE}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for vs in mesh.routing.mesh_virtual_services:
            services = concerned(mesh, vs)
            for protocol, path, route in mesh_routes(vs) if services else ():
                to = route.get("delegate") or {}
                if protocol != "http" or not to:
                    continue
                home = to.get("namespace") or vs.namespace
                yield self.finding(
                    vs,
                    f"This route of {', '.join(s.host for s in services)} is written in "
                    f"VirtualService {home}/{to.get('name', '?')}. A waypoint gets it by this "
                    "root, for every caller.",
                    fix="Try the merged routes behind the waypoint before the callers move.",
                    path=f"{path}.delegate",
                    affects=apps(mesh, services),
                    callers=["ambient"],
                )
