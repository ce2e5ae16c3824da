"""AMB013, a ztunnel whose account istiod does not trust."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.platform import ZTUNNEL, agents, env_of
from migrator.istio.yamltext import dig
from migrator.model.finding import Finding, Scope, Severity
from migrator.rules.base import Rule

_TRUSTED = "CA_TRUSTED_NODE_ACCOUNTS"


class ZtunnelNamespaceUntrusted(Rule):
    """ztunnel runs under an account that istiod does not let ask for other pods' certificates.

    ## Why
    ztunnel holds the certificates of all pods of its node. istiod gives them only to the accounts in
    CA_TRUSTED_NODE_ACCOUNTS; to any other ztunnel HBONE connections fail.

    ## Fix
    Set `trustedZtunnelNamespace` and `trustedZtunnelName` of the istiod chart to where ztunnel is.

    ## References
    - istio/istio pilot/pkg/features/security.go (`CATrustedNodeAccounts`)
    - istio/istio manifests/charts/istio-control/istio-discovery/templates/deployment.yaml
    """

    code = "AMB013"
    severity = Severity.BLOCKER
    scope = Scope.CLUSTER
    inputs = frozenset({kinds.DEPLOYMENT, kinds.DAEMON_SET})

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        accounts = {
            f"{agent.namespace}/{dig(agent.spec, 'template', 'spec', 'serviceAccountName') or 'default'}"
            for agent in agents(mesh, ZTUNNEL)
        }
        for plane in mesh.control_planes:
            found = env_of(plane.resource, _TRUSTED)
            trusted = {one.strip() for one in found[1].split(",")} if found else set()
            if found and (strangers := accounts - trusted):
                yield self.finding(
                    plane.resource,
                    f"Revision {plane.revision} of istiod trusts {found[1]}, and ztunnel runs as "
                    f"{', '.join(sorted(strangers))}: it gets no certificates for pods.",
                    fix="Set trustedZtunnelNamespace (and trustedZtunnelName) in istiod's values.",
                    path=found[0],
                )
