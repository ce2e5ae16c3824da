"""AMB003, a Kubernetes older than its Istio asks for."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.platform import kubelet_versions
from migrator.istio.versions import Version
from migrator.model.finding import Finding, Scope, Severity
from migrator.rules.base import Rule

_MINIMA = ((Version(1, 30), Version(1, 32)), (Version(1, 29), Version(1, 30)))


class KubernetesVersionTooOld(Rule):
    """Every node runs a Kubernetes older than the Istio in use asks for.

    ## Why
    istioctl warns and goes on, but nobody tests the combination, and CRDs of the Gateway API that
    validate with CEL may not install.

    ## Fix
    Upgrade Kubernetes, or stay with an Istio that supports it.

    ## References
    - istio/istio istioctl/pkg/install/k8sversion/version.go (`MinK8SVersion`)
    - https://istio.io/latest/docs/releases/supported-releases/
    """

    code = "AMB003"
    severity = Severity.WARNING
    scope = Scope.CLUSTER
    inputs = frozenset({kinds.NODE, kinds.DEPLOYMENT})

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        nodes = kubelet_versions(mesh)
        wanted = next((least for since, least in _MINIMA if mesh.istio_version >= since), None)
        if not nodes or wanted is None:
            return
        newest, node = max(nodes, key=lambda one: one[0])
        if newest < wanted:
            assumed = " (assumed)" if mesh.version_is_assumed else ""
            yield self.finding(
                node,
                f"The newest of {len(nodes)} kubelets has version {newest}; Istio {mesh.istio_version}"
                f"{assumed} asks for Kubernetes {wanted.major}.{wanted.minor} or newer.",
                fix="Upgrade Kubernetes before phase 0.",
                path="status.nodeInfo.kubeletVersion",
            )
