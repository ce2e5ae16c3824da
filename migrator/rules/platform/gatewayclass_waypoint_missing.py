"""AMB006, no usable GatewayClass for waypoints."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.labels import WAYPOINT_CLASS
from migrator.istio.mesh import Mesh
from migrator.istio.platform import is_condition, is_from_cluster
from migrator.model.finding import Finding, Scope, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule

_CONTROLLER = "istio.io/mesh-controller"


class GatewayclassWaypointMissing(Rule):
    """The GatewayClass `istio-waypoint` is absent, not accepted, or another controller's.

    ## Why
    istiod creates the class once ambient is enabled, and programs waypoints of that class only. A
    waypoint without it never gets an address, and a Service bound to such a waypoint has none.

    ## Fix
    Enable ambient in istiod and let it create the class; delete a class of that name that names
    another controller.

    ## References
    - istio/istio pilot/pkg/config/kube/gateway/gatewayclass.go
    - istio/istio pkg/config/constants/constants.go (`ManagedGatewayMeshController`)
    """

    code = "AMB006"
    severity = Severity.BLOCKER
    scope = Scope.CLUSTER
    inputs = frozenset({kinds.GATEWAY_CLASS})

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        classes = {resource.name: resource for resource in mesh.of(kinds.GATEWAY_CLASS)}
        own, ours = classes.get(WAYPOINT_CLASS), classes.get("istio")
        fix = f"Enable ambient in istiod; it creates GatewayClass {WAYPOINT_CLASS} by itself."
        if own is None and ours is not None and is_from_cluster(ours):
            says = f"istiod has made GatewayClass istio, and no {WAYPOINT_CLASS}: it runs without ambient."
            yield self.finding(ours, says, fix=fix)
        elif own is not None and (wrong := _wrong(own)):
            path, says = wrong
            yield self.finding(own, f"GatewayClass {WAYPOINT_CLASS} {says}.", fix=fix, path=path)


def _wrong(own: Resource) -> tuple[str, str] | None:
    controller = own.spec.get("controllerName")
    if controller != _CONTROLLER:
        return "spec.controllerName", f"names the controller {controller}, not {_CONTROLLER}"
    if is_from_cluster(own) and not is_condition(own, "Accepted"):
        return "status.conditions", "is not accepted: no waypoint will be programmed"
    return None
