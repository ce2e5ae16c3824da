"""AMB602, a server that speaks first."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.destinationrules import has_waypoint
from migrator.istio.traffic.serverfirst import hint, undeclared
from migrator.istio.traffic.virtualservices import is_meshed
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class ServerFirstBehindWaypoint(Rule):
    """A port of unknown protocol has a waypoint, or gets one, and its server seems to speak first.

    ## Why
    The waypoint waits for the client's first bytes, and the client waits for the server's greeting: the
    connection hangs. A Service whose pods had no sidecar so far meets that for the first time.

    ## Fix
    Set `appProtocol: tcp` on the port, or `istio.io/use-waypoint: none` on the Service.

    ## References
    - istio/istio pilot/pkg/networking/core/listener_waypoint.go
    - https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/
    """

    code = "AMB602"
    severity = Severity.WARNING
    inputs = kinds.WAYPOINT_REASONS

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for service in mesh.services.all:
            meshed = is_meshed(mesh, service)
            bound = mesh.waypoints.bound_to(service).gateway is not None
            if not (
                has_waypoint(mesh, service)
                if meshed
                else bound and mesh.services.workloads(service)
            ):
                continue
            for port in undeclared(service):
                why = hint(mesh, service, port)
                if not why:
                    continue
                yield self.finding(
                    service.resource,
                    f"Port {port.number} declares no protocol, and {why}: the server speaks first, "
                    "the waypoint waits for the client, and the connection hangs."
                    + ("" if meshed else " Its pods had no sidecar that would have shown this."),
                    fix="Set appProtocol: tcp on the port, or istio.io/use-waypoint: none on the Service.",
                    path=port.path,
                    severity=Severity.WARNING if meshed else Severity.BLOCKER,
                    affects=mesh.services.workloads(service),
                    callers=["ambient"],
                )
