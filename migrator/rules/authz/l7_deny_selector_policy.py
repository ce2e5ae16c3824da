"""AMB102, a DENY policy with HTTP fields that a sidecar enforces."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.policies.effective import told
from migrator.model.finding import Effect, Finding, Remedy, Severity
from migrator.rules.base import Rule

_RULE = {
    "never": "ztunnel never matches the rule without them: what it denies is let through",
    "narrower": "ztunnel loses these alternatives: what they deny is let through",
    "wider": "ztunnel denies by what is left of the rule: more than was asked",
}


class L7DenySelectorPolicy(Rule):
    """A DENY policy denies requests by HTTP fields, which ztunnel does not see.

    ## Why
    istiod sends the rule to ztunnel without its HTTP fields. A Match of nothing but HTTP fields never
    matches, and with it the whole clause may be void: the policy then denies nothing, and istiod's
    status calls it "more restrictive". A Match with ports and methods denies the whole port.

    ## Fix
    Let a waypoint enforce it, once all callers go through the waypoint. `migrate plan` copies the
    policy with `targetRefs`, hands over pod by pod, and guards the workloads against a bypass.

    ## References
    - istio/istio pilot/pkg/serviceregistry/ambient/authorization.go (`handleRule`)
    - istio/ztunnel src/rbac.rs (`Authorization::matches`)
    """

    code = "AMB102"
    severity = Severity.BLOCKER
    remedy = Remedy.AUTOMATIC
    inputs = kinds.INJECTION | {kinds.AUTHORIZATION_POLICY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for policy, evaluation, apps in mesh.enforced:
            if evaluation.action != "DENY":
                continue
            if evaluation.effect in {Effect.FAITHFUL, Effect.IGNORED}:
                continue
            for rule in evaluation.rules:
                if not rule.l7:
                    continue
                also = ", and elsewhere it denies more than was asked" if rule.over_matches else ""
                yield self.finding(
                    policy,
                    f"Rule {rule.index} of this DENY policy matches {told(policy, rule.l7)}; "
                    f"{_RULE[rule.matches]}{also if rule.matches != 'wider' else ''}.",
                    fix="Put a waypoint in front of the Services of these workloads, and give it the "
                    "policy by targetRefs; `migrate plan` does both.",
                    path=rule.l7[0].path,
                    affects=apps,
                    callers=["sidecar", "ambient", "gateway", "outside"],
                    effect=rule.effect,
                )
