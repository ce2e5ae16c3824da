"""AMB357, a waypoint that may not call istiod."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.network.networkpolicy import Direction, Pod, is_member, rules
from migrator.istio.waypoint.waypoint_pods import waypoint_pods
from migrator.model.finding import Finding, Remedy, Scope, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule

_XDS = 15012


class NetworkPolicyBlocksIstiodCa(Rule):
    """NetworkPolicies keep a waypoint from istiod.

    ## Why
    A waypoint gets its certificate and its configuration from istiod on TCP 15012. Where a policy
    for all pods of the namespace denies egress, it never becomes ready, and the services that go
    through it fail.

    ## Fix
    Let the pods with the label `gateway.networking.k8s.io/gateway-class-name: istio-waypoint` out to
    istiod on 15012, to DNS, and to everybody on 15008; `migrate plan` writes that policy.

    ## References
    - istio/istio manifests/charts/istio-control/istio-discovery/files/waypoint.yaml (`CA_ADDR`)
    """

    code = "AMB357"
    severity = Severity.BLOCKER
    remedy = Remedy.AUTOMATIC
    scope = Scope.NAMESPACE
    inputs = kinds.WAYPOINT_REASONS | {kinds.NETWORK_POLICY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        root = mesh.namespace(mesh.config.root_namespace)
        istiod = Pod(root.name, root.labels, {"app": "istiod"})
        for pod, services in waypoint_pods(mesh) if mesh.network.policies else ():
            denied_by = mesh.network.isolating(pod, Direction.EGRESS)
            if denied_by and not _let_out(denied_by, istiod):
                first = denied_by[0]
                yield self.finding(
                    first,
                    f"{first.ref} isolates the waypoint that {pod.namespace} needs, and no policy lets "
                    f"it out to istiod on TCP {_XDS}: it never becomes ready.",
                    fix=f"Let waypoint pods out to istiod on TCP {_XDS}, and to DNS.",
                    affects=[service.ref for service in services],
                )


def _let_out(policies: tuple[Resource, ...], istiod: Pod) -> bool:
    return any(
        rule.allows(_XDS)
        and (
            not rule.peers
            or any(
                "ipBlock" in p or is_member(p, rule.policy.namespace, istiod) for p in rule.peers
            )
        )
        for rule in rules(policies, Direction.EGRESS)
    )
