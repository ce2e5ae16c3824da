"""AMB009, no istio-cni in a cluster that shows its DaemonSets."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.platform import CNI_AGENT, agents, shows_daemon_sets
from migrator.model.finding import Finding, Scope, Severity
from migrator.rules.base import Rule


class IstioCniAbsent(Rule):
    """The cluster runs istiod and has no DaemonSet of istio-cni.

    ## Why
    The agent of istio-cni puts pods into ambient. Without it the label `istio.io/dataplane-mode` does
    nothing: pods that lost their sidecar run outside the mesh, in plain text.

    ## Fix
    Install istio-cni with ambient enabled, of istiod's version, before phase 0 ends. On platforms with
    folders of their own for CNI plugins set `global.platform`.

    ## References
    - istio/istio manifests/charts/istio-cni
    - https://istio.io/latest/docs/ambient/install/platform-prerequisites/
    """

    code = "AMB009"
    severity = Severity.BLOCKER
    scope = Scope.CLUSTER
    inputs = frozenset({kinds.DEPLOYMENT, kinds.DAEMON_SET})

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        planes = mesh.control_planes
        if shows_daemon_sets(mesh) and planes and not agents(mesh, CNI_AGENT):
            yield self.finding(
                planes[0].resource,
                f"Of the cluster's {len(mesh.of(kinds.DAEMON_SET))} DaemonSets none is {CNI_AGENT}: "
                "nothing would put pods into ambient.",
                fix="Install the chart istio/cni with profile=ambient, of istiod's version.",
            )
