"""AMB038, Cilium policies that do not know the kubelet's new address."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.network.ciliumpolicy import isolates_inbound, lets_probes_in, selects_pods_of
from migrator.istio.network.networkpolicy import PROBE_ADDRESSES
from migrator.istio.pods.probes import probes
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule

_PROBE = PROBE_ADDRESSES[0]


class CiliumDefaultDeny(Rule):
    """A CiliumNetworkPolicy isolates probed pods of the mesh and does not let 169.254.7.127 in.

    ## Why
    Cilium lets the node's own kubelet in by itself. In ambient its probes come from a link-local
    address, which Cilium takes for a stranger: the probes fail and the pods are restarted.

    ## Fix
    Apply a CiliumClusterwideNetworkPolicy with `ingress: [{fromCIDR: [169.254.7.127/32]}]` for all
    endpoints before the first workload moves.

    ## References
    - https://istio.io/latest/docs/ambient/install/platform-prerequisites/
    - https://github.com/istio/istio/issues/49277
    """

    code = "AMB038"
    severity = Severity.BLOCKER
    inputs = kinds.MESHED | {kinds.CILIUM_NETWORK_POLICY, kinds.CILIUM_CLUSTERWIDE_NETWORK_POLICY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        policies = (
            *mesh.of(kinds.CILIUM_NETWORK_POLICY),
            *mesh.of(kinds.CILIUM_CLUSTERWIDE_NETWORK_POLICY),
        )
        concerned = mesh.meshed if policies else ()
        probed = [w for w in concerned if any(probe.over_network for probe in probes(w))]
        allowing = [one for one in policies if lets_probes_in(one)]
        for policy in policies:
            hit = [
                w
                for w in probed
                if isolates_inbound(policy, w)
                and not any(selects_pods_of(one, w) for one in allowing)
            ]
            if hit:
                yield self.finding(
                    policy,
                    f"{policy.ref} isolates {', '.join(str(w.ref) for w in hit)}, and no policy lets "
                    f"{_PROBE} in, from where the kubelet probes ambient pods.",
                    fix=f"Let {_PROBE}/32 in with a CiliumClusterwideNetworkPolicy first.",
                    path="spec.ingress",
                    affects=hit,
                )
