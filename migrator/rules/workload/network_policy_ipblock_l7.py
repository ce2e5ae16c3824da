"""AMB358, pods that do not let their waypoint in."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.network.networkpolicy import (  # fmt: skip
    HBONE_PORT,
    Direction,
    Pod,
    PolicyRule,
    is_everybody,
    is_member,
    rules,
)
from migrator.istio.services import Service
from migrator.istio.waypoint.waypoint_pods import waypoint_pods
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule


class NetworkPolicyIpblockL7(Rule):
    """NetworkPolicies let named callers in to a server that needs a waypoint, and not the waypoint.

    ## Why
    With a waypoint the server's pods see the waypoint's address instead of the caller's. A policy that
    names gateways or other callers drops it, and requests through the waypoint time out.

    ## Fix
    Let the waypoint's pods in on TCP 15008; `migrate plan` adds a NetworkPolicy that does.

    ## References
    - https://istio.io/latest/docs/ambient/usage/networkpolicy/
    - istio/istio manifests/charts/istio-control/istio-discovery/files/waypoint.yaml
    """

    code = "AMB358"
    severity = Severity.BLOCKER
    remedy = Remedy.AUTOMATIC
    inputs = kinds.WAYPOINT_REASONS | {kinds.NETWORK_POLICY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        if mesh.network.policies:
            for waypoint, services in waypoint_pods(mesh):
                for service in services:
                    yield from self._service(mesh, waypoint, service)

    def _service(self, mesh: Mesh, waypoint: Pod, service: Service) -> Iterator[Finding]:
        for workload in mesh.services.apps(service):
            isolated_by = mesh.network.isolating(mesh.network.pod_of(workload), Direction.INGRESS)
            hbone = [r for r in rules(isolated_by, Direction.INGRESS) if r.allows(HBONE_PORT)]
            if hbone and not any(_lets_in(r, waypoint) for r in hbone):
                policy = hbone[0].policy
                yield self.finding(
                    policy,
                    f"{policy.ref} lets callers of {service.ref} in and not its waypoint, through which "
                    "they come in ambient: requests time out.",
                    fix="Let the waypoint's pods in on TCP 15008.",
                    affects=[workload],
                    callers=["waypoint"],
                )


def _lets_in(rule: PolicyRule, waypoint: Pod) -> bool:
    return not rule.peers or any(
        is_everybody(peer) or is_member(peer, rule.policy.namespace, waypoint)
        for peer in rule.peers
    )
