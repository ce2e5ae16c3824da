"""AMB310, a namespace that no plan should touch."""

from collections.abc import Iterator

from migrator.istio import kinds, labels
from migrator.istio.mesh import Mesh
from migrator.istio.pods.injection import IGNORED_NAMESPACES
from migrator.model.finding import Finding, Remedy, Scope, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule


class NamespaceTerminatingOrSystem(Rule):
    """A namespace asks for injection and is Istio's own, Kubernetes' own, or about to go.

    ## Why
    Control planes and Kubernetes' own pods do not belong into ambient, and what is being deleted takes
    no more changes.

    ## Fix
    Leave the namespace out of the plan; take its label away where it is a mistake.

    ## References
    - istio/istio pkg/kube/inject/initializer.go (`IgnoredNamespaces`)
    """

    code = "AMB310"
    severity = Severity.INFO
    remedy = Remedy.NONE
    scope = Scope.NAMESPACE
    inputs = kinds.NAMESPACES | kinds.CONFIG_SOURCES

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for namespace in mesh.of(kinds.NAMESPACE):
            what = _what(namespace, mesh.config.root_namespace)
            asks = {labels.INJECTION, labels.REVISION} & set(namespace.labels)
            if what and asks and namespace.labels.get(labels.INJECTION) != "disabled":
                yield self.finding(
                    namespace,
                    f"Namespace {namespace.name} asks for injection and {what}.",
                    fix="Leave it out of the plan.",
                    path="metadata.labels",
                )


def _what(namespace: Resource, root: str) -> str:
    if namespace.status.get("phase") == "Terminating":
        return "is being deleted"
    if namespace.name == root:
        return "is the root namespace of the mesh"
    return "is Kubernetes' own" if namespace.name in IGNORED_NAMESPACES else ""
