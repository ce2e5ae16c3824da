"""AMB515, a waypoint for something else."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.destinationrules import listed
from migrator.istio.waypoint.waypoint_acceptance import traffic
from migrator.istio.workloads import Workload
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.model.resource import Ref, Resource
from migrator.rules.base import Rule


class WaypointWrongTrafficType(Rule):
    """A Service or workload is bound to a waypoint for another kind of traffic (`istio.io/waypoint-for`).

    ## Why
    `service`, the default, takes what goes to Services; `workload` what goes to pods; `all` both. Istio
    refuses the binding (`UnsupportedTrafficType`), and calls go straight to the pods.

    ## Fix
    Change `istio.io/waypoint-for` on the Gateway, or bind to another waypoint.

    ## References
    - istio/istio pilot/pkg/serviceregistry/ambient/waypoints.go (`fetchWaypointForService`)
    """

    code = "AMB515"
    severity = Severity.BLOCKER
    inputs = (
        kinds.NAMESPACES | {kinds.GATEWAY, kinds.GATEWAY_CLASS, kinds.SERVICE} | kinds.WORKLOADS
    )

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        asking = [w for w in mesh.workloads if names.USE_WAYPOINT in w.labels]
        for gateway in mesh.waypoints.gateways:
            own = gateway.labels.get(names.WAYPOINT_FOR)
            kind = traffic(mesh, gateway)
            refs = _refused(mesh, gateway, kind, asking)
            if refs:
                yield self.finding(
                    gateway,
                    f"It is for {kind} traffic, and {listed(map(str, refs))} is bound to it: the "
                    "binding is refused, calls go straight to the pods.",
                    fix="Set istio.io/waypoint-for to all, or bind to another waypoint.",
                    path=field("metadata", "labels", names.WAYPOINT_FOR) if own else "",
                    affects=refs,
                    callers=["ambient"],
                )


def _refused(mesh: Mesh, gateway: Resource, kind: str, asking: list[Workload]) -> list[Ref]:
    """Services bound to it, and workloads whose own label names it, that it is not for."""
    found: list[Ref] = []
    if kind not in {"service", "all"}:
        found += [s.ref for s in mesh.waypoints.bound_services(gateway.ref)]
    if kind not in {"workload", "all"}:
        found += [
            w.ref
            for w in asking
            if mesh.waypoints.binding_of(w.labels, w.namespace).gateway == gateway.ref
        ]
    return found
