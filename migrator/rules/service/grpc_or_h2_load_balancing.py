"""AMB605, calls that all go to one pod."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.services import MULTIPLEXED
from migrator.istio.traffic.destinationrules import has_waypoint
from migrator.istio.traffic.virtualservices import apps
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class GrpcOrH2LoadBalancing(Rule):
    """A Service of gRPC or HTTP/2 has several pods and no waypoint: ztunnel balances connections, not calls.

    ## Why
    A client of HTTP/2 keeps one connection for all its calls. A sidecar spreads the calls; with ztunnel they
    all go to the pod that the connection went to, and new pods get nothing.

    ## Fix
    Bind the Service to a waypoint (`migrate plan --waypoints all`), or let clients balance themselves.

    ## References
    - istio/ztunnel ARCHITECTURE.md
    - https://istio.io/latest/docs/ambient/migrate/
    """

    code = "AMB605"
    severity = Severity.WARNING
    inputs = kinds.WAYPOINT_REASONS

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for service, reasons in mesh.waypoints.needing.items():
            wanted = any(reason.code == self.code for reason in reasons)
            port = next((p for p in service.ports if p.protocol in MULTIPLEXED), None)
            if not wanted or port is None or has_waypoint(mesh, service):
                continue
            behind = apps(mesh, [service])
            yield self.finding(
                service.resource,
                f"Port {port.number} is {port.protocol}, with "
                f"{sum(w.replicas or 0 for w in behind)} pods behind and no waypoint: ztunnel "
                "sends all calls of a connection to one pod.",
                fix="Bind the Service to a waypoint, or let clients balance.",
                path=port.path,
                affects=behind,
                callers=["ambient"],
            )
