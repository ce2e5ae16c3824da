"""AMB614, clients that Kubernetes keeps on a pod."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.virtualservices import apps
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class SessionAffinity(Rule):
    """A Service asks for session affinity (`ClientIP`), which neither sidecars nor ztunnel honour.

    ## Why
    The field is for kube-proxy. Callers with a sidecar never had the affinity; callers without one have it
    today, and lose it when they become ambient.

    ## Fix
    If calls must stick, bind the Service to a waypoint, with a DestinationRule that hashes.

    ## References
    - istio/istio pilot/pkg/serviceregistry/ambient/services.go (`constructService`)
    - istio/istio releasenotes/notes/61045.yaml
    """

    code = "AMB614"
    severity = Severity.WARNING
    inputs = kinds.WAYPOINT_REASONS

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for service, reasons in mesh.waypoints.needing.items():
            if any(reason.code == self.code for reason in reasons):
                yield self.finding(
                    service.resource,
                    "sessionAffinity ClientIP is kept by kube-proxy, for callers outside the mesh "
                    "only: they lose it when they become ambient.",
                    fix="If calls must stick, use a waypoint and a DestinationRule with consistentHash.",
                    path="spec.sessionAffinity",
                    affects=apps(mesh, [service]),
                    callers=["outside"],
                )
