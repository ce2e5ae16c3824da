"""AMB514, a label that points to nothing."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.mesh import Mesh
from migrator.istio.waypoint.waypoint_acceptance import is_ready
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule


class WaypointNotReady(Rule):
    """`istio.io/use-waypoint` names a waypoint that is not there, or has no address yet.

    ## Why
    The Service is then treated as if it had no waypoint: calls go straight to the pods, and policies
    that are bound to the waypoint are not enforced. A label on a Service also hides a working waypoint
    of the namespace.

    ## Fix
    Create the waypoint, wait until it is ready, then set the label; or take the label away.

    ## References
    - istio/istio pilot/pkg/serviceregistry/ambient/waypoints.go (`fetchWaypointForTarget`)
    """

    code = "AMB514"
    severity = Severity.BLOCKER
    inputs = frozenset({kinds.NAMESPACE, kinds.SERVICE, kinds.SERVICE_ENTRY, kinds.GATEWAY})

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        gateways = {(g.namespace, g.name): g for g in mesh.of(kinds.GATEWAY)}
        for resource in (
            *mesh.of(kinds.NAMESPACE), *mesh.of(kinds.SERVICE), *mesh.of(kinds.SERVICE_ENTRY),
        ):  # fmt: skip
            name = resource.labels.get(names.USE_WAYPOINT)
            if name is None or name == "none":
                continue
            own = (
                resource.name if resource.ref.group_kind == kinds.NAMESPACE else resource.namespace
            )
            home = resource.labels.get(names.USE_WAYPOINT_NAMESPACE, own)
            if problem := _problem(gateways.get((home, name))):
                yield self.finding(
                    resource,
                    f"It asks for waypoint {home}/{name}, {problem}. Until it is ready calls go "
                    "straight to the pods, and policies bound to it are not enforced.",
                    fix=f"Make Gateway {home}/{name} of class istio-waypoint ready first, or take "
                    "the label away.",
                    path=field("metadata", "labels", names.USE_WAYPOINT),
                    callers=["ambient"],
                )


def _problem(gateway: Resource | None) -> str:
    if gateway is None:
        return "which is not in the source"
    return "" if is_ready(gateway) else "which has no address yet"
