"""AMB018, sidecars that change how they redirect traffic in phase 0."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.yamltext import dig, is_true
from migrator.model.finding import Finding, Scope, Severity
from migrator.rules.base import Rule


class IstioInitToCniSwitch(Rule):
    """istioctl installs without istio-cni today, and its profile `ambient` brings it for sidecars too.

    ## Why
    With `components.cni.enabled` istioctl also sets `values.pilot.cni.enabled`: sidecars that restart
    from then on have `istio-validation` in place of `istio-init`. On a node where istio-cni is not
    ready they do not start.

    ## Fix
    Wait until the DaemonSet istio-cni-node is ready on every node before any workload restarts. The
    Helm charts do not couple the two.

    ## References
    - istio/istio operator/pkg/render/manifest.go
    - istio/istio manifests/charts/istio-control/istio-discovery/files/injection-template.yaml
    """

    code = "AMB018"
    severity = Severity.WARNING
    scope = Scope.CLUSTER
    inputs = frozenset({kinds.ISTIO_OPERATOR})

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for operator in mesh.of(kinds.ISTIO_OPERATOR):
            components = dig(operator.spec, "components", "cni", "enabled")
            by_values = dig(operator.spec, "values", "pilot", "cni", "enabled")
            profile = str(operator.spec.get("profile") or "default")
            brings_it = any(name in profile for name in ("ambient", "openshift"))
            if brings_it or is_true(components) or is_true(by_values):
                continue
            yield self.finding(
                operator,
                f"Profile {profile} has no istio-cni. Profile ambient brings it, and restarted sidecars "
                "then need it on their node.",
                fix="Let istio-cni be ready on every node before any workload restarts.",
                path="spec.profile" if "profile" in operator.spec else "spec",
            )
