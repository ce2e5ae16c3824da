"""AMB130, an authorizer that refuses the waypoint."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.policies.authorizers import provider_of, service_of
from migrator.istio.traffic.behind_waypoint import changes
from migrator.istio.traffic.fronts import Front, fronts
from migrator.model.finding import Effect, Finding, Remedy, Severity
from migrator.rules.base import Rule


class ExternalAuthzProviderSidecarScope(Rule):
    """An external authorizer of the mesh allows named callers only, and a waypoint will call it.

    ## Why
    Today the sidecars of the protected workloads ask it, each with its workload's identity. The waypoint
    asks with its own, which the authorizer's policy refuses; then every request is refused.

    ## Fix
    Add the waypoint's identity to the policy of the authorizer before the waypoint is bound.

    ## References
    - istio/istio pilot/pkg/security/authz/builder/extauthz.go
    - istio/istio pilot/pkg/serviceregistry/ambient/authorization.go
    """

    code = "AMB130"
    severity = Severity.WARNING
    remedy = Remedy.AUTOMATIC
    inputs = kinds.WAYPOINT_REASONS

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        policies = mesh.enforced
        for asking in policies:
            name = provider_of(asking.policy) if asking.evaluation.action == "CUSTOM" else ""
            service = service_of(mesh, name) if name else None
            if service is None:
                continue
            behind = {w.ref for w in mesh.services.workloads(service)}
            judging = [p for p in policies if behind & {w.ref for w in p.apps}]
            gateways = sorted({front.gateway for front in fronts(mesh, asking.apps)})
            for gateway in gateways:
                front = Front(service, gateway, bound=True)
                for own in judging:
                    for change in changes(mesh, own, front):
                        if change.effect is Effect.CLOSED:
                            yield self.finding(
                                own.policy,
                                f"Provider {name} runs here and allows {change.use.name} "
                                f"{change.shown}; the waypoint asks it as {change.principal}.",
                                fix=f"Allow {change.principal} here before the waypoint is bound.",
                                path=change.use.path,
                                affects=asking.apps,
                            )
