"""AMB110, an HTTP policy for gateways only."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.policies.authz import Level, is_dry_run
from migrator.istio.policies.targets import target_refs
from migrator.istio.workloads import Role
from migrator.model.finding import Effect, Finding, Remedy, Severity
from migrator.rules.base import Rule


class PolicySelectsGatewayOnly(Rule):
    """A policy with HTTP fields acts on gateways only, which stay as they are.

    ## Why
    Gateways keep their Envoy in ambient and go on enforcing the policy. istiod nevertheless writes
    `ZtunnelAccepted: False` into its status, because it cannot tell whom the selector is meant for.

    ## Fix
    Nothing to do: that condition may be left alone.

    ## References
    - istio/istio pilot/pkg/serviceregistry/ambient/policies.go
    - https://github.com/istio/istio/issues/58316
    """

    code = "AMB110"
    severity = Severity.INFO
    remedy = Remedy.NONE
    inputs = (
        kinds.WORKLOADS - kinds.NAMESPACES | kinds.CONFIG_SOURCES | {kinds.AUTHORIZATION_POLICY}
    )

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for policy in mesh.of(kinds.AUTHORIZATION_POLICY):
            if target_refs(policy) or is_dry_run(policy):
                continue
            selected = mesh.attachments.workloads_of(policy)
            if not selected or any(w.role is not Role.GATEWAY for w in selected):
                continue
            if mesh.effect(policy).level is Level.L7:
                gateways = ", ".join(w.name for w in selected)
                yield self.finding(
                    policy,
                    f"This policy acts on {gateways} only, which goes on enforcing it. Its status may "
                    "say that ztunnel does not accept it.",
                    fix="Nothing to do.",
                    affects=selected,
                    effect=Effect.FAITHFUL,
                )
