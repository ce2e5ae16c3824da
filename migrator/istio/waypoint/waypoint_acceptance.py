"""Whether a waypoint takes what asks for it.

Mirrors istio/istio pilot/pkg/serviceregistry/ambient/waypoints.go: `gatewayToWaypointTransform` (address and
kind of traffic), `makeAllowedRoutes` and `AllowsAttachmentFromNamespace` (which namespaces).
"""

from typing import TYPE_CHECKING

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.selectors import selects
from migrator.model.resource import Resource

if TYPE_CHECKING:
    from migrator.istio.mesh import Mesh

_SERVICE = "service"


def is_ready(gateway: Resource) -> bool:
    """Whether it has an address, or its status is not in the source; who asks before is refused."""
    return not gateway.status or bool(gateway.status.get("addresses"))


def traffic(mesh: "Mesh", gateway: Resource) -> str:
    """What it is for: its own label, else that of its class, else `service`."""
    of_class = {one.name: one for one in mesh.of(kinds.GATEWAY_CLASS)}
    chosen = of_class.get(gateway.spec.get("gatewayClassName", ""))
    labels = {**(chosen.labels if chosen else {}), **gateway.labels}
    return labels.get(names.WAYPOINT_FOR, _SERVICE)


def admits(mesh: "Mesh", gateway: Resource, namespace: str) -> bool:
    """Whether its HBONE listener lets the namespace attach; by default its own only."""
    allowed = next(
        (
            (listener.get("allowedRoutes") or {}).get("namespaces") or {}
            for listener in gateway.spec.get("listeners") or ()
            if (listener.get("protocol"), listener.get("port")) == ("HBONE", 15008)
        ),
        {},
    )
    match allowed.get("from"):
        case "All":
            return True
        case "Selector":
            return selects(allowed.get("selector"), mesh.namespace(namespace).labels)
        case _:
            return namespace == gateway.namespace
