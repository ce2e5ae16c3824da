"""AMB355, a NetworkPolicy that knows only the application's ports."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.network.networkpolicy import Direction
from migrator.istio.pods.hbone_gaps import Gap, gaps
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule


class NetworkPolicyBlocksHbone(Rule):
    """A NetworkPolicy lets callers through to the application's ports, and not to HBONE's, 15008.

    ## Why
    Between ambient workloads every connection arrives on TCP 15008 with the source pod's address. The
    policy drops it, and calls time out.

    ## Fix
    `migrate plan` adds a NetworkPolicy beside it that lets the same peers, and waypoints, through on
    15008. Ports then no longer filter inside the mesh: AuthorizationPolicies with `ports` do.

    ## References
    - https://istio.io/latest/docs/ambient/usage/networkpolicy/
    - istio/istio cni/pkg/config/config.go (`ZtunnelInboundPort`)
    """

    code = "AMB355"
    severity = Severity.BLOCKER
    remedy = Remedy.AUTOMATIC
    inputs = kinds.MESHED | {kinds.NETWORK_POLICY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for gap in gaps(mesh):
            yield self.finding(
                gap.policy,
                _message(gap),
                fix="Let TCP 15008 through for the same peers, in a NetworkPolicy beside this one.",
                path=field("spec", gap.direction.value),
                affects=gap.workloads,
                callers=["ambient"] if gap.direction is Direction.INGRESS else [],
            )


def _message(gap: Gap) -> str:
    ports, peers = ", ".join(gap.ports), ", ".join(gap.peers)
    if gap.direction is Direction.INGRESS:
        return (
            f"{gap.policy.ref} lets {peers} in on TCP {ports}, and not on 15008, where every "
            "connection from ambient callers arrives: it times out."
        )
    return (
        f"{gap.policy.ref} lets its pods out to {peers} on TCP {ports}, and not on 15008, where every "
        "connection to ambient servers goes: it times out."
    )
