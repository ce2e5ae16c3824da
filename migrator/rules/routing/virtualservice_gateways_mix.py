"""AMB208, one VirtualService for two kinds of proxy."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.routefields import http_features
from migrator.istio.traffic.routing import is_for_gateway
from migrator.istio.traffic.virtualservices import apps, concerned
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule


class VirtualserviceGatewaysMix(Rule):
    """One VirtualService is for a gateway and for the mesh; both halves can act on the same request.

    ## Why
    A gateway applies the VirtualService to what comes from outside. With `istio.io/ingress-use-waypoint` it
    then sends to the waypoint, which applies the mesh's half to the same request once more: rewrites,
    mirrors, faults and retries happen twice.

    ## Fix
    Split it: one VirtualService for the gateway, one for the mesh.

    ## References
    - istio/istio pilot/pkg/networking/core/listener_waypoint.go
    - istio/istio pilot/pkg/xds/endpoints/endpoint_builder.go
    """

    code = "AMB208"
    severity = Severity.WARNING
    inputs = kinds.INJECTION | {kinds.VIRTUAL_SERVICE, kinds.SERVICE}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for vs in mesh.routing.mesh_virtual_services:
            services = concerned(mesh, vs) if is_for_gateway(vs) else ()
            shaped = [use.name for use in http_features(vs)]
            if not services or not shaped:
                continue
            yield self.finding(
                vs,
                f"It is for the mesh and for {_gateways(vs)}, with "
                f"{', '.join(dict.fromkeys(shaped))}. What comes through the gateway to a waypoint "
                f"of {services[0].host} gets that twice.",
                fix="Split it in two: one for the gateway, one for the mesh.",
                path=field("spec", "gateways"),
                affects=apps(mesh, services),
                callers=["gateway"],
            )


def _gateways(vs: Resource) -> str:
    return ", ".join(one for one in vs.spec.get("gateways") or () if one != "mesh")
