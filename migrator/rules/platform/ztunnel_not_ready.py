"""AMB012, a ztunnel that is not everywhere."""

from collections.abc import Iterator

from migrator.istio.mesh import Mesh
from migrator.istio.platform import AGENT_KINDS, ZTUNNEL, agents, nodes_without, unready
from migrator.model.finding import Finding, Scope, Severity
from migrator.rules.base import Rule


class ZtunnelNotReady(Rule):
    """ztunnel is not ready on some node.

    ## Why
    The agent waits for ztunnel before it calls a pod enrolled. A running pod that is captured on such
    a node stays `pending`, which means without network; a new one does not start.

    ## Fix
    Make the DaemonSet ready on every Linux node before any label is set.

    ## References
    - istio/istio architecture/ambient/ztunnel-cni-lifecycle.md
    - istio/istio cni/pkg/nodeagent/server.go
    """

    code = "AMB012"
    severity = Severity.BLOCKER
    scope = Scope.CLUSTER
    inputs = AGENT_KINDS

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for agent in agents(mesh, ZTUNNEL):
            without = [node.name for node in nodes_without(mesh, ZTUNNEL)]
            if without:
                yield self.finding(
                    agent,
                    f"ztunnel has no ready pod on nodes {', '.join(without)}: a pod that is enrolled "
                    "there has no network.",
                    fix="Make it ready on these nodes before any label is set.",
                )
            elif counts := unready(agent):
                yield self.finding(
                    agent,
                    "ztunnel is ready on only {} of {} nodes: a pod that is enrolled on the others "
                    "has no network.".format(*counts),
                    fix="Make it ready on every node before any label is set.",
                    path="status",
                )
