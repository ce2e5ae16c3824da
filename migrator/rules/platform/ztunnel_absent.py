"""AMB011, no ztunnel in a cluster that shows its DaemonSets."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.platform import ZTUNNEL, agents, shows_daemon_sets
from migrator.model.finding import Finding, Scope, Severity
from migrator.rules.base import Rule


class ZtunnelAbsent(Rule):
    """The cluster runs istiod and has no DaemonSet of ztunnel.

    ## Why
    istio-cni redirects a pod's traffic and waits for ztunnel to take it. Without ztunnel a pod that is
    enrolled while it runs has no network, and a new one does not start.

    ## Fix
    Install ztunnel, of istiod's version, after istio-cni and before the first workload moves.

    ## References
    - istio/istio architecture/ambient/ztunnel-cni-lifecycle.md
    - istio/istio cni/pkg/nodeagent/server.go
    """

    code = "AMB011"
    severity = Severity.BLOCKER
    scope = Scope.CLUSTER
    inputs = frozenset({kinds.DEPLOYMENT, kinds.DAEMON_SET})

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        planes = mesh.control_planes
        if shows_daemon_sets(mesh) and planes and not agents(mesh, ZTUNNEL):
            yield self.finding(
                planes[0].resource,
                f"Of the cluster's {len(mesh.of(kinds.DAEMON_SET))} DaemonSets none is {ZTUNNEL}: "
                "an enrolled pod would have no network.",
                fix="Install the chart istio/ztunnel, of istiod's version, after istio-cni.",
            )
