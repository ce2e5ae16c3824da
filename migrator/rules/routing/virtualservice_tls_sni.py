"""AMB207, TLS routes by server name."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.routefields import match_fields
from migrator.istio.traffic.virtualservices import apps, concerned
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class VirtualserviceTlsSni(Rule):
    """A TLS route matches server names (SNI) that a waypoint does not compare.

    ## Why
    A waypoint takes a TLS route only where `sniHosts` is exactly the Service's full name. With any other
    name, a short name or a second one, the block never matches.

    ## Fix
    Write the Service's full name as the only one in `sniHosts`, or use a TLSRoute with the Service as parent.

    ## References
    - istio/istio pilot/pkg/networking/core/listener_waypoint.go (`getTLSRouteMatch`)
    """

    code = "AMB207"
    severity = Severity.BLOCKER
    inputs = kinds.INJECTION | {kinds.VIRTUAL_SERVICE, kinds.SERVICE}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for vs in mesh.routing.mesh_virtual_services:
            services = concerned(mesh, vs)
            for use in match_fields(vs):
                missed = (
                    [s for s in services if list(use.value) != [s.host]]
                    if use.name == "sniHosts"
                    else []
                )
                if not missed:
                    continue
                yield self.finding(
                    vs,
                    f"The match asks for the server names {', '.join(use.value)}. A waypoint of "
                    f"{missed[0].host} takes the route only where that full name is the only one.",
                    fix=f"Write sniHosts: [{missed[0].host}], or use a TLSRoute with the Service as parent.",
                    path=use.path,
                    affects=apps(mesh, missed),
                    callers=["ambient"],
                )
