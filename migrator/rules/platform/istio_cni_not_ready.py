"""AMB010, an agent of istio-cni that is not everywhere, or not for ambient."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.platform import AGENT_KINDS, CNI_AGENT, agents, nodes_without, unready
from migrator.istio.yamltext import is_true
from migrator.model.finding import Finding, Scope, Severity
from migrator.rules.base import Rule


class IstioCniNotReady(Rule):
    """istio-cni is not ready on some node, or runs without ambient.

    ## Why
    On a node whose agent is not ready a new ambient pod does not start: the CNI plugin asks the agent
    and fails. Running pods are not captured there. With AMBIENT_ENABLED off nothing is captured at all.

    ## Fix
    Make the DaemonSet ready on every Linux node (tolerations, priority class), and install it with
    `profile=ambient`.

    ## References
    - istio/istio cni/pkg/plugin/plugin.go
    - istio/istio manifests/charts/istio-cni/templates/configmap-cni.yaml
    """

    code = "AMB010"
    severity = Severity.BLOCKER
    scope = Scope.CLUSTER
    inputs = AGENT_KINDS | {kinds.CONFIG_MAP}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        switch = mesh.cni.settings.get("AMBIENT_ENABLED")
        if mesh.cni.source and switch is not None and not is_true(switch):
            yield self.finding(
                mesh.cni.source,
                f'istio-cni runs with AMBIENT_ENABLED: "{switch}": it captures no pod.',
                fix="Upgrade the chart istio/cni with profile=ambient.",
                path="data.AMBIENT_ENABLED",
            )
        for agent in agents(mesh, CNI_AGENT):
            without = [node.name for node in nodes_without(mesh, CNI_AGENT)]
            counts = unready(agent)
            if without or counts:
                where = (
                    f"nodes {', '.join(without)}"
                    if without
                    else "{} of {} nodes".format(*counts or ())
                )
                state = "has no ready pod on" if without else "is ready on only"
                yield self.finding(
                    agent,
                    f"{agent.name} {state} {where}: ambient pods do not start there.",
                    fix="Make it ready everywhere before the first workload moves.",
                    path="status" if counts else "",
                )
