"""AMB312, a namespace that istiod does not watch."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.selectors import is_empty, is_selector, selects
from migrator.model.finding import Finding, Scope, Severity
from migrator.rules.base import Rule


class DiscoverySelectorsExclude(Rule):
    """`discoverySelectors` leave out a namespace whose workloads are to move.

    ## Why
    istiod does not know the pods of such a namespace, so ztunnel takes them for strangers: traffic
    passes through in plain text, and no policy acts on it.

    ## Fix
    Add the namespace to `meshConfig.discoverySelectors`, or give it a label that they select.

    ## References
    - istio/istio pkg/kube/namespace/filter.go
    - https://istio.io/latest/blog/2021/discovery-selectors/
    """

    code = "AMB312"
    severity = Severity.BLOCKER
    scope = Scope.NAMESPACE
    inputs = kinds.MESHED

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        found = mesh.config.get("discoverySelectors")
        selectors = [one for one in found if is_selector(one)] if isinstance(found, list) else []
        if not selectors or len(selectors) != len(found):
            return
        for name in mesh.meshed_namespaces:
            namespace = mesh.namespace(name)
            if namespace.resource is None:
                continue
            if not any(is_empty(one) or selects(one, namespace.labels) for one in selectors):
                moved = mesh.meshed_in(name)
                yield self.finding(
                    namespace.resource,
                    f"No discoverySelector of the mesh config selects namespace {name}: ztunnel does "
                    f"not know its workloads ({len(moved)}), and passes their traffic in plain text.",
                    fix=f"Make discoverySelectors select {name}.",
                    path="metadata.labels",
                    affects=moved,
                )
