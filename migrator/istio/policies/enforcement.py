"""Who reads which resource, by how it is attached: sidecars, ztunnel, waypoints, gateways.

Mirrors istio/istio pilot/pkg/model/policyattachment.go, pilot/pkg/networking/core/listener_waypoint.go,
cluster_waypoint.go and pilot/pkg/serviceregistry/ambient/{authorization,policies}.go.
"""

from enum import Flag, StrEnum, auto

from migrator.istio import kinds
from migrator.model.resource import GroupKind


class Enforcer(Flag):
    """The components that act on a resource; a value is a set of them."""

    SIDECAR = auto()
    ZTUNNEL = auto()
    WAYPOINT = auto()
    GATEWAY = auto()
    ZTUNNEL_L4 = auto()  # ztunnel, and only the fields of layer 4


class By(StrEnum):
    """How a resource is attached to what it acts on."""

    SELECTOR = "selector"
    NAMESPACE = "namespace"
    MESH = "mesh"
    TARGET_SERVICE = "target-service"  # Service or ServiceEntry
    TARGET_GATEWAY = "target-gateway"
    TARGET_CLASS = "target-class"  # GatewayClass istio-waypoint, in the root namespace


NOBODY = Enforcer(0)
_PROXIES = Enforcer.SIDECAR | Enforcer.GATEWAY
_ALL_ENVOYS = _PROXIES | Enforcer.WAYPOINT
_WITHOUT_TARGET = frozenset({By.SELECTOR, By.NAMESPACE, By.MESH})
_TARGETS = {
    By.TARGET_SERVICE: Enforcer.WAYPOINT,
    By.TARGET_GATEWAY: Enforcer.WAYPOINT | Enforcer.GATEWAY,
    By.TARGET_CLASS: Enforcer.WAYPOINT,
}

_BY_WORKLOAD: dict[GroupKind, Enforcer] = {
    kinds.AUTHORIZATION_POLICY: _PROXIES | Enforcer.ZTUNNEL_L4,
    kinds.REQUEST_AUTHENTICATION: _PROXIES,
    kinds.PEER_AUTHENTICATION: Enforcer.SIDECAR | Enforcer.ZTUNNEL,
    kinds.ENVOY_FILTER: _PROXIES,
    kinds.WASM_PLUGIN: _PROXIES,
    kinds.TRAFFIC_EXTENSION: _PROXIES,
    kinds.TELEMETRY: _PROXIES,
    kinds.PROXY_CONFIG: _PROXIES,
    kinds.SIDECAR: Enforcer.SIDECAR,
}
# Without a selector some reach waypoints too: those of the mesh, and those of their own namespace.
_BY_AREA: dict[GroupKind, Enforcer] = {
    kinds.TELEMETRY: _ALL_ENVOYS,
    kinds.PROXY_CONFIG: _ALL_ENVOYS,
}
_TARGETABLE = frozenset(
    {
        kinds.AUTHORIZATION_POLICY, kinds.REQUEST_AUTHENTICATION, kinds.ENVOY_FILTER,
        kinds.WASM_PLUGIN, kinds.TRAFFIC_EXTENSION, kinds.TELEMETRY,
    }
)  # fmt: skip


def who_enforces(kind: GroupKind, attachment: By) -> Enforcer:
    """The components that act on a resource of `kind` attached in this way, from Istio 1.27 on."""
    if attachment in _WITHOUT_TARGET:
        area = _BY_AREA.get(kind, NOBODY) if attachment is not By.SELECTOR else NOBODY
        return area or _BY_WORKLOAD.get(kind, NOBODY)
    return _TARGETS[attachment] if kind in _TARGETABLE else NOBODY
