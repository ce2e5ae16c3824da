"""AMB608, no address to put a waypoint in front of."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.virtualservices import apps
from migrator.istio.workloads import Workload
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class HeadlessServiceWaypoint(Rule):
    """A headless Service needs a waypoint, and its callers would go past it.

    ## Why
    A Service with `clusterIP: None` has no virtual IP: clients connect to the pods, and ztunnel leads only
    what goes to a Service's address through its waypoint.

    ## Fix
    Give callers a Service with a cluster IP, or bind the pods to a waypoint (`istio.io/waypoint-for: all` on
    its Gateway, `istio.io/use-waypoint` on the pods).

    ## References
    - istio/istio pilot/pkg/serviceregistry/ambient/waypoints.go (`fetchWaypointForWorkload`)
    - https://istio.io/latest/docs/ambient/usage/waypoint/
    """

    code = "AMB608"
    severity = Severity.BLOCKER
    inputs = kinds.WAYPOINT_REASONS | {kinds.GATEWAY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for service, reasons in mesh.waypoints.needing.items():
            hard = {reason.code: reason.source for reason in reasons if reason.hard}
            if not service.headless or not hard:
                continue
            past = [w for w in apps(mesh, [service]) if not _has_own(mesh, w)]
            if not past:
                continue
            yield self.finding(
                service.resource,
                "It has no cluster IP, and needs a waypoint for "
                f"{', '.join(map(str, dict.fromkeys(hard.values())))}. Its callers connect to the "
                "pods, past any waypoint of the Service.",
                fix="Let callers use a Service with a cluster IP, or bind the pods to a waypoint.",
                path="spec.clusterIP",
                affects=past,
                callers=["ambient"],
            )


def _has_own(mesh: Mesh, workload: Workload) -> bool:
    """Whether its pods are bound to a waypoint that takes what goes to pods."""
    bound = mesh.waypoints.binding_of(workload.labels, workload.namespace).gateway
    gateway = mesh.waypoints.gateway(bound) if bound else None
    return gateway is not None and gateway.labels.get(names.WAYPOINT_FOR) in {"workload", "all"}
