"""AMB203, a host that only a sidecar knows."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.services import Service
from migrator.istio.traffic.egress import entries_of
from migrator.istio.traffic.routing import is_for_gateway, mesh_destinations
from migrator.istio.traffic.virtualservices import apps, is_meshed
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule


class VirtualserviceHostNotService(Rule):
    """A VirtualService routes a host name that no Service and no ServiceEntry has; only sidecars know it.

    ## Why
    A sidecar compares the request's Host header with the VirtualService's hosts. A waypoint is reached by the
    address of a Service, and reads only VirtualServices whose hosts cover the full name of that Service. A
    made-up name, or `name.namespace`, covers none.

    ## Fix
    Call the Service by its own name, or give the name a ServiceEntry; write hosts in full.

    ## References
    - istio/istio pilot/pkg/networking/core/listener_waypoint.go (`getVirtualServiceForWaypoint`)
    - istio/istio pilot/pkg/model/config.go (`ResolveShortnameToFQDN`)
    """

    code = "AMB203"
    severity = Severity.BLOCKER
    inputs = kinds.INJECTION | {kinds.VIRTUAL_SERVICE, kinds.SERVICE, kinds.SERVICE_ENTRY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for vs in mesh.routing.mesh_virtual_services:
            led = _led_to(mesh, vs)
            for i, host in enumerate(vs.spec.get("hosts") or ()):
                if not led or not _is_unknown(mesh, vs, host):
                    continue
                yield self.finding(
                    vs,
                    f"It routes calls to {host}, which is the full name of no Service and of no "
                    f"ServiceEntry. Sidecars lead them to {', '.join(s.host for s in led)} by "
                    "their Host header; ambient callers go wherever DNS says.",
                    fix=f"Let callers use {led[0].host}, or define {host} by a ServiceEntry.",
                    path=field("spec", "hosts", i),
                    severity=Severity.WARNING if is_for_gateway(vs) else None,
                    affects=apps(mesh, led),
                    callers=["ambient"],
                )


def _led_to(mesh: Mesh, vs: Resource) -> list[Service]:
    """The meshed Services that the routes for sidecars lead to."""
    found = (mesh.routing.service_of(one.host, vs.namespace) for one in mesh_destinations(vs))
    return [s for s in dict.fromkeys(found) if s is not None and is_meshed(mesh, s)]


def _is_unknown(mesh: Mesh, vs: Resource, host: str) -> bool:
    """Whether nothing has the name. A Service's full name may be that of one outside the source."""
    if mesh.routing.services_matching(host, vs.namespace) or entries_of(mesh, host):
        return False
    is_short = mesh.routing.service_of(host, vs.namespace) is not None
    return is_short or ("." in host and not host.endswith((".svc.cluster.local", ".local")))
