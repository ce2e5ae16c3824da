"""AMB504, gateways and waypoints over several networks."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.entering import enters_by_waypoint
from migrator.istio.traffic.virtualservices import apps, is_meshed
from migrator.istio.versions import Version
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule

_FIXED_SINCE = Version(1, 31)


class IngressUseWaypointMultinetwork(Rule):
    """Gateways are told to use a waypoint, in a mesh of several networks, by an Istio before 1.31.

    ## Why
    Until 1.31 a gateway went past the waypoint of a Service whose pods are on another network: policies there
    were not enforced.

    ## Fix
    Upgrade Istio to 1.31 first, or keep the protected Services' pods on the gateway's network.

    ## References
    - istio/istio releasenotes/notes/61092.yaml
    - istio/istio releasenotes/notes/60162.yaml
    """

    code = "AMB504"
    severity = Severity.BLOCKER
    inputs = kinds.WAYPOINT_REASONS | {kinds.INGRESS}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        networks = {
            n.labels[names.NETWORK] for n in mesh.of(kinds.NAMESPACE) if n.labels.get(names.NETWORK)
        }
        if not networks or mesh.version_is_assumed or mesh.istio_version >= _FIXED_SINCE:
            return
        for service in mesh.services.all:
            if not is_meshed(mesh, service) or not enters_by_waypoint(mesh, service):
                continue
            led = mesh.routing.ingress_routes_for(service)
            if led:
                yield self.finding(
                    service.resource,
                    f"{led[0].ref} leads here through the waypoint. The mesh has networks "
                    f"({', '.join(sorted(networks))}): gateways of Istio {mesh.istio_version} go "
                    "past the waypoint to pods on another one.",
                    fix="Upgrade Istio to 1.31 first.",
                    affects=apps(mesh, [service]),
                    callers=["gateway"],
                )
