"""AMB246, a detour that only sidecars take."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.egress import detours
from migrator.model.finding import Finding, Scope, Severity
from migrator.rules.base import Rule


class EgressGatewayByVirtualservice(Rule):
    """A VirtualService leads calls to an external host through an egress gateway; ztunnel does not read it.

    ## Why
    The route is applied by the client's sidecar. An ambient pod calls the external host directly: past
    the gateway, its policies, its logs and its address.

    ## Fix
    Bind a ServiceEntry for the host to an egress waypoint (`istio.io/use-waypoint`), and close the direct
    way with a NetworkPolicy before the callers move.

    ## References
    - istio/istio pilot/pkg/networking/core/listener_waypoint.go
    - https://istio.io/latest/docs/ambient/usage/waypoint/
    """

    code = "AMB246"
    severity = Severity.BLOCKER
    scope = Scope.CLUSTER
    inputs = kinds.INJECTION | {kinds.VIRTUAL_SERVICE, kinds.SERVICE, kinds.SERVICE_ENTRY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        if not mesh.meshed:
            return
        for detour in detours(mesh, mesh.of(kinds.VIRTUAL_SERVICE)):
            hosts = [h for h in detour.hosts if not _is_bound(mesh, h)]
            if not hosts:
                continue
            yield self.finding(
                detour.virtual_service,
                f"It leads calls to {', '.join(hosts)} through {detour.destination.host}. ztunnel "
                "does not read it: ambient pods call the host directly, past the gateway.",
                fix="Bind a ServiceEntry for the host to an egress waypoint, and close the direct "
                "way with a NetworkPolicy first.",
                path=detour.destination.path,
                callers=["ambient"],
            )


def _is_bound(mesh: Mesh, host: str) -> bool:
    entries = mesh.routing.service_entries_for(host)
    return bool(entries) and all(
        mesh.waypoints.binding_of(e.labels, e.namespace).gateway is not None for e in entries
    )
