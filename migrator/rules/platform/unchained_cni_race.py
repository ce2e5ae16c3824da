"""AMB042, pods that start before istio-cni is in the chain."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.yamltext import is_true
from migrator.model.finding import Finding, Scope, Severity
from migrator.rules.base import Rule

_OWNED, _RETRY = "ISTIO_OWNED_CNI_CONFIG", "ENABLE_AMBIENT_DETECTION_RETRY"


class UnchainedCniRace(Rule):
    """Neither of istio-cni's switches against the race at a node's start is on.

    ## Why
    A pod that starts on a new or rebooted node before istio-cni has written its configuration runs
    without being enrolled, in plain text and past every policy, until somebody restarts it.

    ## Fix
    Set `ambient.enableAmbientDetectionRetry` or `istioOwnedCNIConfig` in istio-cni's values (1.27 and
    newer).

    ## References
    - istio/istio manifests/charts/istio-cni/values.yaml
    - istio/istio manifests/charts/istio-cni/templates/configmap-cni.yaml
    """

    code = "AMB042"
    severity = Severity.WARNING
    scope = Scope.CLUSTER
    inputs = frozenset({kinds.CONFIG_MAP})

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        source, settings = mesh.cni.source, mesh.cni.settings
        known = [key for key in (_OWNED, _RETRY) if key in settings]
        if source and known and not any(is_true(settings[key]) for key in known):
            said = " and ".join(f'{key}: "{settings[key]}"' for key in known)
            yield self.finding(
                source,
                f"istio-cni runs with {said}: pods that start before it on a node stay outside the mesh.",
                fix="Set ambient.enableAmbientDetectionRetry=true in istio-cni's values.",
                path=f"data.{known[-1]}",
            )
