"""AMB309, two labels that both say who injects."""

from collections.abc import Iterator

from migrator.istio import kinds, labels
from migrator.istio.mesh import Mesh
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Remedy, Scope, Severity
from migrator.rules.base import Rule


class InjectionLabelConflict(Rule):
    """A namespace has `istio-injection` and `istio.io/rev`; the first one wins.

    ## Why
    With `istio-injection: disabled` the revision's webhook takes no pod, with `enabled` the default
    revision injects, whatever the other label says. Who removes only one of them changes the revision.

    ## Fix
    Remove both in one change, as `migrate plan` does.

    ## References
    - istio/istio manifests/charts/istio-control/istio-discovery/templates/mutatingwebhook.yaml
    """

    code = "AMB309"
    severity = Severity.INFO
    remedy = Remedy.NONE
    scope = Scope.NAMESPACE
    inputs = kinds.NAMESPACES

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for namespace in mesh.of(kinds.NAMESPACE):
            found = namespace.labels
            if labels.INJECTION in found and labels.REVISION in found:
                yield self.finding(
                    namespace,
                    f"Namespace {namespace.name} has {labels.INJECTION}: {found[labels.INJECTION]} and "
                    f"{labels.REVISION}: {found[labels.REVISION]}; the first one decides.",
                    fix="Remove both in one change.",
                    path=field("metadata", "labels", labels.REVISION),
                )
