"""AMB036, a Cilium that tolerates no other CNI configuration."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.platform import cilium
from migrator.model.finding import Finding, Scope, Severity
from migrator.rules.base import Rule


class CiliumExclusive(Rule):
    """Cilium keeps the node's CNI configuration to itself (`cni-exclusive`).

    ## Why
    It renames every other file in the folder, istio-cni's among them: new pods are not captured, and a
    pod that lost its sidecar is outside the mesh.

    ## Fix
    Install Cilium with `cni.exclusive=false`.

    ## References
    - https://istio.io/latest/docs/ambient/install/platform-prerequisites/
    - istio/istio operator/pkg/apis/validation/validation.go (`detectCniIncompatibility`)
    """

    code = "AMB036"
    severity = Severity.BLOCKER
    scope = Scope.CLUSTER
    inputs = frozenset({kinds.CONFIG_MAP})

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        found = cilium(mesh)
        if found and found[1].get("cni-exclusive") == "true":
            yield self.finding(
                found[0],
                'Cilium runs with cni-exclusive: "true": it renames the configuration of istio-cni, and '
                "no pod is captured.",
                fix="Install Cilium with cni.exclusive=false.",
                path="data.cni-exclusive",
            )
