"""AMB225, TLS that only the sidecar adds."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.selectors import has_labels
from migrator.istio.traffic.egress import originations
from migrator.istio.workloads import Workload
from migrator.model.finding import Finding, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule


class DestinationruleTlsOriginationEgress(Rule):
    """Calls to an external host leave in TLS because sidecars originate it; ztunnel does not.

    ## Why
    The application speaks plain HTTP, and the client's sidecar makes TLS of it by a DestinationRule. In
    ambient the call leaves the cluster as the application wrote it: in clear text.

    ## Fix
    Put an egress waypoint in front: a waypoint in the ServiceEntry's namespace and
    `istio.io/use-waypoint` on the ServiceEntry. Client certificates go to a Secret that it may read.

    ## References
    - istio/istio pilot/pkg/networking/core/cluster_waypoint.go
    - https://istio.io/latest/docs/tasks/traffic-management/egress/egress-tls-origination/
    """

    code = "AMB225"
    severity = Severity.BLOCKER
    inputs = kinds.INJECTION | {kinds.DESTINATION_RULE, kinds.SERVICE_ENTRY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        if not mesh.meshed:
            return
        for found in originations(mesh, mesh.of(kinds.DESTINATION_RULE)):
            loose = [e for e in found.entries if _is_unbound(mesh, e)]
            if not loose:
                continue
            names = ", ".join(f"{e.namespace}/{e.name}" for e in loose)
            yield self.finding(
                found.rule,
                f"Sidecars originate {found.mode} TLS to {found.host} (ServiceEntry {names}). "
                "ztunnel does not: calls of ambient pods leave the cluster in clear text.",
                fix="Bind the ServiceEntry to an egress waypoint (istio.io/use-waypoint) before "
                "its callers move, or let the application speak TLS itself.",
                path=found.path,
                affects=_clients(mesh, found.rule) or loose,
                callers=["ambient"],
            )


def _clients(mesh: Mesh, rule: Resource) -> list[Workload]:
    """The clients that a `workloadSelector` names; without one, anybody of the namespace may be one."""
    chosen = (rule.spec.get("workloadSelector") or {}).get("matchLabels") or {}
    if not chosen:
        return []
    return [w for w in mesh.meshed_in(rule.namespace) if has_labels(chosen, w.labels)]


def _is_unbound(mesh: Mesh, entry: Resource) -> bool:
    return mesh.waypoints.binding_of(entry.labels, entry.namespace).gateway is None
