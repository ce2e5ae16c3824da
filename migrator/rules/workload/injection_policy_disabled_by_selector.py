"""AMB305, pods that the injector leaves out by its own selectors."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.workloads import Role
from migrator.model.finding import Finding, Scope, Severity
from migrator.rules.base import Rule


class InjectionPolicyDisabledBySelector(Rule):
    """The injector's `neverInjectSelector` keeps workloads of a meshed namespace without sidecar.

    ## Why
    istio-cni does not read that selector: the namespace's label captures these pods like any others.

    ## Fix
    Label what shall stay outside with `istio.io/dataplane-mode: none`; `uninjected-pods-captured` names
    each workload, and the plan keeps them out.

    ## References
    - istio/istio pkg/kube/inject/inject.go (`injectRequired`)
    - istio/istio cni/pkg/util/enablement_selector.go
    """

    code = "AMB305"
    severity = Severity.WARNING
    scope = Scope.NAMESPACE
    inputs = kinds.MESHED

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        left_out = [
            workload
            for workload in mesh.workloads
            if workload.role is Role.APP
            and mesh.meshed_in(workload.namespace)
            and mesh.injection(workload).decided_by == "never-selector"
        ]
        for revision, policy in sorted(mesh.webhooks.policies.items()):
            if policy.source and policy.never and left_out:
                names = ", ".join(f"{w.namespace}/{w.name}" for w in left_out)
                yield self.finding(
                    policy.source,
                    f"neverInjectSelector of revision {revision} leaves {names} without sidecar, and "
                    "istio-cni captures them once their namespace is labelled.",
                    fix="Label those that shall stay outside with istio.io/dataplane-mode: none.",
                    path="data.config",
                    affects=left_out,
                )
