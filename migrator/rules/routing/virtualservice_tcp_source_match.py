"""AMB206, TCP and TLS routes by the caller."""

from collections.abc import Iterator, Mapping
from typing import Any

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.routefields import Verdict, match_fields
from migrator.istio.traffic.virtualservices import apps, concerned
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class VirtualserviceTcpSourceMatch(Rule):
    """A TCP or TLS route asks who calls, or for a subnet, and a waypoint does not compare that.

    ## Why
    For such routes a waypoint compares source labels and source namespaces with nothing: a block that names
    them never matches. Subnets it does not compare at all: a block with nothing else matches everybody.

    ## Fix
    Give these callers a Service of their own. For access control use an AuthorizationPolicy.

    ## References
    - istio/istio pilot/pkg/networking/core/listener_waypoint.go (`getTCPRouteMatch`, `getTLSRouteMatch`)
    - istio/istio pilot/pkg/networking/core/tls.go (`matchTCP`)
    """

    code = "AMB206"
    severity = Severity.BLOCKER
    inputs = kinds.INJECTION | {kinds.VIRTUAL_SERVICE, kinds.SERVICE}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for vs in mesh.routing.mesh_virtual_services:
            services = concerned(mesh, vs)
            for use in match_fields(vs) if services else ():
                if use.protocol == "http" or use.name == "sniHosts" or use.verdict is Verdict.WORKS:
                    continue
                outcome = (
                    "the block never matches, and these calls take the next route"
                    if use.verdict is Verdict.DROPPED
                    else "it is not compared, and other calls match as well"
                )
                yield self.finding(
                    vs,
                    f"The {use.protocol} match asks for {use.name} {_shown(use.value)}. At a "
                    f"waypoint {outcome}.",
                    fix="Give these callers a Service of their own, and route by that.",
                    path=use.path,
                    affects=apps(mesh, services),
                    callers=["ambient"],
                )


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={one}" for key, one in sorted(value.items()))
    return ", ".join(value) if isinstance(value, list | tuple) else str(value)
