"""AMB304, a webhook that takes namespaces without label."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.labels import INJECTION
from migrator.istio.mesh import Mesh
from migrator.istio.pods.injection import default_clause
from migrator.model.finding import Finding, Remedy, Scope, Severity
from migrator.rules.base import Rule


class InjectionEnabledByDefault(Rule):
    """The webhook injects pods of namespaces that have no label of Istio's.

    ## Why
    Where injection is the default, taking the label away changes nothing: the next pod still gets a
    sidecar, and istio-cni leaves it alone.

    ## Fix
    `migrate plan` sets `istio-injection: disabled` in place of removing the label. To end it for good
    set `sidecarInjectorWebhook.enableNamespacesByDefault` to false.

    ## References
    - istio/istio manifests/charts/istio-control/istio-discovery/templates/mutatingwebhook.yaml
    - istio/istio manifests/charts/istio-control/istio-discovery/values.yaml
    """

    code = "AMB304"
    severity = Severity.BLOCKER
    remedy = Remedy.AUTOMATIC
    scope = Scope.CLUSTER
    inputs = kinds.MESHED

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        clause = default_clause(mesh.webhooks)
        if clause and clause.source and mesh.injection_by_default() and mesh.meshed:
            yield self.finding(
                clause.source,
                f"Revision {clause.revision} injects pods of namespaces without label: "
                f"removing a label takes none of the sidecars away (workloads with one: {len(mesh.meshed)}).",
                fix=f"Set {INJECTION}: disabled on each namespace that moves, as the plan does.",
                path=clause.path,
                affects=mesh.meshed,
            )
