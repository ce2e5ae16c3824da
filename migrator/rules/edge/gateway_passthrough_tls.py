"""AMB508, TLS that nobody opens on the way."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.destinationrules import has_waypoint, listed
from migrator.istio.traffic.entering import gateway_routes
from migrator.istio.traffic.routing import destinations_in
from migrator.istio.traffic.virtualservices import apps, is_meshed
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class GatewayPassthroughTls(Rule):
    """A gateway passes TLS through to a Service that has a waypoint, or gets one, which cannot look into it.

    ## Why
    The waypoint sees an encrypted stream: HTTP-level policies, routes and retries for the Service are not
    applied to it. Only what is decided by port, server name and identity remains.

    ## Fix
    End TLS at the gateway, or protect these ports by what can be seen.

    ## References
    - istio/istio pilot/pkg/networking/core/listener_waypoint.go
    - istio.io/api networking/v1alpha3/gateway.proto (`ServerTLSSettings`)
    """

    code = "AMB508"
    severity = Severity.WARNING
    inputs = kinds.WAYPOINT_REASONS

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for vs in mesh.routing.gateway_virtual_services:
            for protocol, path, route in gateway_routes(vs):
                led = destinations_in(path, route) if protocol == "tls" else ()
                found = (mesh.routing.service_of(one.host, vs.namespace) for one in led)
                services = [
                    s
                    for s in found
                    if s is not None and is_meshed(mesh, s) and has_waypoint(mesh, s)
                ]
                if services:
                    yield self.finding(
                        vs,
                        f"A gateway passes TLS through to {listed(s.host for s in services)}. The "
                        "waypoint cannot look into it: nothing at HTTP level is applied.",
                        fix="End TLS at the gateway, or decide by port, server name and identity.",
                        path=path,
                        affects=apps(mesh, services),
                        callers=["gateway"],
                    )
