"""AMB118, routes by the claims of a token."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.routing import route_matches
from migrator.istio.traffic.virtualservices import concerned
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule

_CLAIMS = "@request.auth.claims"


class JwtClaimRouting(Rule):
    """A VirtualService of the mesh routes by the claims of a token.

    ## Why
    Such a match needs the token to be checked before the route is chosen. That is documented for gateways
    only; ztunnel does neither, and whether a waypoint does both in this order no test of Istio's shows.

    ## Fix
    Try it behind a waypoint in a test cluster, with valid and invalid tokens; or route at the gateway.

    ## References
    - istio/istio pilot/pkg/networking/core/route/route.go (`translateMetadataMatch`)
    - https://istio.io/latest/docs/tasks/security/authentication/jwt-route/
    """

    code = "AMB118"
    severity = Severity.BLOCKER
    inputs = kinds.MESHED | {kinds.VIRTUAL_SERVICE, kinds.SERVICE}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for vs in mesh.routing.mesh_virtual_services:
            services = concerned(mesh, vs)
            for _, path, match in route_matches(vs) if services else ():
                for header in match.get("headers") or {}:
                    if header.startswith(_CLAIMS):
                        yield self.finding(
                            vs,
                            f"It routes calls of the mesh by {header}. ztunnel reads no tokens, and no "
                            "test of Istio's shows that a waypoint checks them before it routes.",
                            fix="Try it behind a waypoint in a test cluster, or route at the gateway.",
                            path=f"{path}.{field('headers', header)}",
                            affects=[service.ref for service in services],
                        )
