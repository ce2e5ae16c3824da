"""AMB043, services of two address families."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.finding import Finding, Remedy, Scope, Severity
from migrator.rules.base import Rule


class DualStackCluster(Rule):
    """Services of the mesh have addresses of both families.

    ## Why
    ztunnel serves both. A waypoint or gateway uses a pod's first address only, and NetworkPolicies must
    let the kubelet's probes in from both of their new sources.

    ## Fix
    Allow 169.254.7.127 and fd16:9254:7127:1337:ffff:ffff:ffff:ffff where probes are restricted.

    ## References
    - istio/istio pilot/pkg/xds/endpoints/endpoint_builder.go
    - istio/istio cni/pkg/iptables/iptables.go
    """

    code = "AMB043"
    severity = Severity.INFO
    remedy = Remedy.NONE
    scope = Scope.NAMESPACE
    inputs = kinds.MESHED | kinds.SERVICES

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for namespace in mesh.meshed_namespaces:
            dual = [
                service
                for service in mesh.services.in_namespace(namespace)
                if len(service.resource.spec.get("ipFamilies") or ()) > 1
            ]
            if dual:
                yield self.finding(
                    dual[0].resource,
                    f"Services of namespace {namespace} ({len(dual)}) have addresses of both families; "
                    "waypoints use a pod's first address only.",
                    fix="Let the kubelet's probes in from both of their sources.",
                    path="spec.ipFamilies",
                    affects=[service.ref for service in dual],
                )
