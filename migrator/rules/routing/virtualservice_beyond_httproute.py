"""AMB249, VirtualServices that stay."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.httproute import fit
from migrator.istio.traffic.virtualservices import apps, concerned
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule


class VirtualserviceBeyondHttproute(Rule):
    """A VirtualService of the mesh asks for something that an HTTPRoute cannot say, so it stays one.

    ## Why
    Waypoints read VirtualServices, which Istio calls alpha there, and HTTPRoutes, which are the form that
    ambient supports best. `migrate plan --routes httproute` writes HTTPRoutes only where every request is
    answered as before. Subsets, retries, faults, CORS, source labels and negated matches have no form there;
    prefixes are replaced by segments; rules are tried by how specific they are, and not from the top.

    ## Fix
    Nothing has to be done: the VirtualService goes on acting at the waypoint. To move on, write what it asks
    for differently: one Service for each version in place of subsets, an exact path in place of a prefix that
    is rewritten.

    ## References
    - istio/istio pilot/pkg/config/kube/gateway/conversion.go
    - https://istio.io/latest/docs/ambient/usage/l7-features/
    """

    code = "AMB249"
    severity = Severity.INFO
    remedy = Remedy.NONE
    inputs = kinds.INJECTION | {kinds.VIRTUAL_SERVICE, kinds.SERVICE} | kinds.ROUTES

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for vs in mesh.routing.mesh_virtual_services:
            services = concerned(mesh, vs)
            for path, why in fit(mesh, vs).misfits if services else ():
                yield self.finding(
                    vs,
                    f"For {', '.join(s.host for s in services)} it stays a VirtualService: {why}.",
                    fix="Nothing: the waypoint reads it as it is.",
                    path=path,
                    affects=apps(mesh, services),
                    callers=["ambient"],
                )
