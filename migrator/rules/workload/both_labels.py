"""AMB302, a namespace that asks for sidecars and for ambient."""

from collections.abc import Iterator

from migrator.istio import kinds, labels
from migrator.istio.mesh import Mesh
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Scope, Severity
from migrator.rules.base import Rule


class BothLabels(Rule):
    """A namespace is labelled for injection and for ambient at once.

    ## Why
    The sidecar wins: new pods are injected, and istio-cni leaves pods with a sidecar alone. Pods without
    one are captured already. That is right for the hours of a transition and misleading at rest.

    ## Fix
    Let the plan finish the namespace, or take the label away that is not meant.

    ## References
    - istio/istio cni/pkg/util/enablement_selector.go
    - https://istio.io/latest/docs/reference/config/analysis/ist0123/
    """

    code = "AMB302"
    severity = Severity.WARNING
    scope = Scope.NAMESPACE
    inputs = kinds.NAMESPACES

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for namespace in mesh.of(kinds.NAMESPACE):
            found = namespace.labels
            if found.get(labels.DATAPLANE_MODE) != labels.AMBIENT:
                continue
            asks = None
            if labels.INJECTION in found:
                asks = labels.INJECTION if found[labels.INJECTION] == "enabled" else None
            elif labels.REVISION in found:
                asks = labels.REVISION
            if asks:
                yield self.finding(
                    namespace,
                    f"Namespace {namespace.name} has {asks}: {found[asks]} and {labels.DATAPLANE_MODE}: "
                    "ambient: new pods get a sidecar, and pods without one are captured now.",
                    fix=f"Remove {asks} once every workload has moved, or the other label if none shall.",
                    path=field("metadata", "labels", labels.DATAPLANE_MODE),
                )
