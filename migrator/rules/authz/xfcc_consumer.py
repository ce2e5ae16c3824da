"""AMB128, somebody who reads the caller's certificate in a header."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.policies.effective import header_uses
from migrator.istio.traffic.routing import route_matches
from migrator.istio.traffic.virtualservices import concerned
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule

_HEADER = "x-forwarded-client-cert"


class XfccConsumer(Rule):
    """A policy or a route reads `x-forwarded-client-cert`, which ztunnel does not set.

    ## Why
    A sidecar writes the caller's certificate into this header. ztunnel writes no headers; a waypoint does
    from Istio 1.30 on, and only if its Gateway asks for it. The header is lost as soon as the callers move.

    ## Fix
    Name callers by principals; or use Istio 1.30 and set `ambient.istio.io/xfcc-include-client-identity:
    "true"` on the waypoint's Gateway before the callers move.

    ## References
    - istio/istio tests/integration/ambient/xfcc_client_identity_test.go
    """

    code = "AMB128"
    severity = Severity.BLOCKER
    inputs = kinds.MESHED | frozenset(
        {kinds.AUTHORIZATION_POLICY, kinds.VIRTUAL_SERVICE, kinds.SERVICE}
    )

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for policy, _, apps in mesh.enforced:
            for use in header_uses(policy, _HEADER):
                yield self.finding(
                    policy,
                    f"This policy reads {_HEADER}, which ztunnel does not set, and a waypoint only if "
                    "its Gateway asks for it.",
                    fix="Name the callers by principals, or let the waypoint's Gateway include the header.",
                    path=use.path,
                    affects=apps,
                )
        for vs in mesh.routing.mesh_virtual_services:
            services = concerned(mesh, vs)
            for _, path, match in route_matches(vs) if services else ():
                for header in match.get("headers") or {}:
                    if header.lower() == _HEADER:
                        yield self.finding(
                            vs,
                            f"It routes calls of the mesh by {header}, which ztunnel does not set.",
                            fix="Route by something else, or let the waypoint's Gateway include it.",
                            path=f"{path}.{field('headers', header)}",
                            affects=[service.ref for service in services],
                        )
