"""What comes in by a gateway, and whether it goes through the waypoint of the Service that it is for.

Mirrors `ingressUseWaypointFromLabels` of istio/istio pilot/pkg/serviceregistry/ambient/services.go: the
Service's own label counts, else its namespace's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrator.istio import labels as names
from migrator.istio.yamltext import is_true
from migrator.model.fieldpath import field

from .routing import MESH, is_for_gateway

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from migrator.istio.mesh import Mesh
    from migrator.istio.services import Service
    from migrator.model.resource import Resource

# Rules whose policies protect the workload; the plan tells gateways to use the waypoint for these.
PROTECTION = frozenset({"AMB101", "AMB102", "AMB103", "AMB106", "AMB117"})


def is_told(mesh: Mesh, service: Service) -> bool:
    """Whether gateways are told to use the Service's waypoint."""
    label = names.INGRESS_USE_WAYPOINT
    own = service.labels.get(label)
    inherited = mesh.namespace(service.namespace).labels.get(label)
    return is_true(inherited if own is None else own)


def enters_by_waypoint(mesh: Mesh, service: Service) -> bool:
    """Whether gateways use its waypoint, or will: they are told, or protection needs it."""
    reasons = mesh.waypoints.needs(service)
    bound = mesh.waypoints.bound_to(service).gateway is not None
    if is_told(mesh, service):
        return bound or any(reason.hard for reason in reasons)
    led = mesh.routing.ingress_routes_for(service)
    return bool(led) and any(reason.code in PROTECTION for reason in reasons)


def gateway_routes(vs: Resource) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """(`http` | `tls` | `tcp`, path, route) of each route that gateways evaluate."""
    for protocol in ("http", "tls", "tcp") if is_for_gateway(vs) else ():
        for i, route in enumerate(vs.spec.get(protocol) or ()):
            matches = route.get("match") or ()
            if not matches or any(match.get("gateways") != [MESH] for match in matches):
                yield protocol, field("spec", protocol, i), route
