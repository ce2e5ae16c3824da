"""AMB014, a namespace that istio-cni leaves out."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.finding import Finding, Scope, Severity
from migrator.rules.base import Rule


class NamespaceExcludedFromCni(Rule):
    """istio-cni excludes a namespace whose workloads are to move.

    ## Why
    No label enrols a pod of an excluded namespace: the plugin skips new pods, and since 1.30 the agent
    skips running ones as well. Without its sidecar such a pod is outside the mesh.

    ## Fix
    Take the namespace out of `excludeNamespaces` of the istio-cni chart, or leave its workloads with
    their sidecars.

    ## References
    - istio/istio manifests/charts/istio-cni/values.yaml (`excludeNamespaces`)
    - istio/istio releasenotes/notes/59295.yaml
    """

    code = "AMB014"
    severity = Severity.BLOCKER
    scope = Scope.NAMESPACE
    inputs = kinds.MESHED

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        source = mesh.cni.source
        for name in mesh.meshed_namespaces:
            if source and name in mesh.cni.exclude_namespaces:
                moved = mesh.meshed_in(name)
                yield self.finding(
                    source,
                    f"istio-cni excludes namespace {name}: its workloads with sidecars ({len(moved)}) "
                    "would run outside the mesh without them.",
                    fix=f"Take {name} out of istio-cni's excludeNamespaces.",
                    path="data.EXCLUDE_NAMESPACES",
                    affects=moved,
                )
