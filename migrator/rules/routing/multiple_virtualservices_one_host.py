"""AMB211, two VirtualServices, one of them counts."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.virtualservices import apps, is_meshed
from migrator.istio.versions import Version
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule

_MERGED_SINCE = Version(1, 30)


class MultipleVirtualservicesOneHost(Rule):
    """Several VirtualServices are for one Service, and before Istio 1.30 a waypoint uses only the oldest.

    ## Why
    Until 1.30 a waypoint took the first VirtualService that covers the Service, and left the others out.
    Their routes are gone for ambient callers.

    ## Fix
    Merge them into one, or upgrade Istio to 1.30 first.

    ## References
    - istio/istio releasenotes/notes/59484.yaml
    - istio/istio pilot/pkg/networking/core/listener_waypoint.go
    """

    code = "AMB211"
    severity = Severity.BLOCKER
    inputs = kinds.INJECTION | {kinds.VIRTUAL_SERVICE, kinds.SERVICE}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        if mesh.istio_version >= _MERGED_SINCE:
            return
        for service in mesh.services.all:
            home = mesh.waypoints.home_of(service)
            read = [
                vs
                for vs in mesh.routing.virtual_services_for(service)
                if mesh.routing.is_read_at_waypoint(vs, service, home)
            ]
            read.sort(key=_age)
            for vs in read[1:] if is_meshed(mesh, service) else ():
                yield self.finding(
                    vs,
                    f"{service.host} has another VirtualService, "
                    f"{read[0].namespace}/{read[0].name}. A waypoint of Istio {mesh.istio_version} "
                    "uses only that one, and leaves this one out.",
                    fix="Merge the two, or upgrade Istio to 1.30 first.",
                    path=field("spec", "hosts"),
                    affects=apps(mesh, [service]),
                    callers=["ambient"],
                )


def _age(vs: Resource) -> tuple[str, str, str]:
    """What only stands in a file is younger than what has a time of creation."""
    return str(vs.metadata.get("creationTimestamp") or "~"), vs.namespace, vs.name
