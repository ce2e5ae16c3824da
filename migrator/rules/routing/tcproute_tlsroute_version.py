"""AMB216, routes that an old waypoint does not know."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.virtualservices import apps, is_meshed
from migrator.istio.versions import Version
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule

_READ_SINCE = Version(1, 26)


class TcprouteTlsrouteVersion(Rule):
    """A TCPRoute or TLSRoute has a Service as parent, and waypoints read these from Istio 1.26 on.

    ## Why
    Sidecars obey the route. A waypoint of an older Istio leaves it out: connections go to the Service's own
    pods.

    ## Fix
    Upgrade Istio to 1.26 or later before the callers move.

    ## References
    - istio/istio releasenotes/notes/waypoint-tcproute.yaml
    """

    code = "AMB216"
    severity = Severity.BLOCKER
    inputs = kinds.INJECTION | {kinds.SERVICE, kinds.TCP_ROUTE, kinds.TLS_ROUTE}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        if mesh.istio_version >= _READ_SINCE:
            return
        for kind in (kinds.TCP_ROUTE, kinds.TLS_ROUTE):
            for route in mesh.of(kind):
                parents = [mesh.services.get(ref) for ref in mesh.routing.service_parents(route)]
                services = [s for s in parents if s is not None and is_meshed(mesh, s)]
                if services:
                    yield self.finding(
                        route,
                        f"A waypoint of Istio {mesh.istio_version} does not read a {kind.kind}: "
                        f"connections to {', '.join(s.host for s in services)} are not routed by "
                        "it.",
                        fix="Upgrade Istio to 1.26 or later first.",
                        path=field("spec", "parentRefs"),
                        affects=apps(mesh, services),
                        callers=["ambient"],
                    )
