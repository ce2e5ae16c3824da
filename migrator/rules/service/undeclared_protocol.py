"""AMB601, a port of unknown protocol behind a waypoint."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.destinationrules import has_waypoint
from migrator.istio.traffic.serverfirst import hint, undeclared
from migrator.istio.traffic.virtualservices import apps, is_meshed
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class UndeclaredProtocol(Rule):
    """A port does not say its protocol, and the Service has a waypoint, or gets one, which must then guess.

    ## Why
    A waypoint waits for the client's first bytes to tell HTTP from TCP, by default as long as it takes. A
    guess of TCP means that HTTP routes and policies are not applied.

    ## Fix
    Set `appProtocol` on the port (`http`, `http2`, `grpc`, `tcp`, `tls`), after asking who knows.

    ## References
    - istio/istio pkg/config/kube/conversion.go (`ConvertProtocol`)
    - https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/
    """

    code = "AMB601"
    severity = Severity.WARNING
    inputs = kinds.WAYPOINT_REASONS

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for service in mesh.services.all:
            if not is_meshed(mesh, service) or not has_waypoint(mesh, service):
                continue
            for port in undeclared(service):
                if hint(mesh, service, port):
                    continue  # server-first-behind-waypoint says more
                yield self.finding(
                    service.resource,
                    f"Port {port.number}{f' ({port.name})' if port.name else ''} declares no "
                    "protocol, and a waypoint stands, or will stand, in front: it must guess from "
                    "the client's first bytes.",
                    fix="Set appProtocol on the port.",
                    path=port.path,
                    affects=apps(mesh, [service]),
                    callers=["ambient"],
                )
