"""AMB101, an ALLOW policy with HTTP fields that a sidecar enforces."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.policies.effective import told
from migrator.model.finding import Effect, Finding, Remedy, Severity
from migrator.rules.base import Rule

_AFTER = {
    Effect.CLOSED: "nothing is left of the policy, which then refuses every call that no other ALLOW "
    "policy permits",
    Effect.NARROWER: "only its other rules still permit calls",
    Effect.WIDER: "of its other rules some permit more than they say",
}


class L7AllowSelectorPolicy(Rule):
    """An ALLOW policy permits requests by HTTP fields, and ztunnel leaves out such a rule.

    ## Why
    ztunnel sees connections, not requests. Of an ALLOW policy istiod sends it only the rules without
    HTTP fields. What the omitted rules permitted is refused from the moment the sidecar is gone.

    ## Fix
    Let a waypoint enforce it. `migrate plan` makes a copy with `targetRefs` for each Service, hands
    over pod by pod, and guards the workloads against calls that do not come through the waypoint.

    ## References
    - istio/istio pilot/pkg/serviceregistry/ambient/authorization.go (`handleRule`)
    - https://istio.io/latest/docs/ambient/usage/l7-features/
    """

    code = "AMB101"
    severity = Severity.BLOCKER
    remedy = Remedy.AUTOMATIC
    inputs = kinds.INJECTION | {kinds.AUTHORIZATION_POLICY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for policy, evaluation, apps in mesh.enforced:
            if evaluation.action != "ALLOW" or evaluation.effect not in _AFTER:
                continue
            for rule in evaluation.rules:
                if rule.l7:
                    yield self.finding(
                        policy,
                        f"Rule {rule.index} of this ALLOW policy matches {told(policy, rule.l7)}. "
                        f"ztunnel omits the rule; {_AFTER[evaluation.effect]}.",
                        fix="Put a waypoint in front of the Services of these workloads, and give it "
                        "the policy by targetRefs; `migrate plan` does both.",
                        path=rule.l7[0].path,
                        affects=apps,
                        callers=["sidecar", "ambient", "gateway", "outside"],
                        effect=evaluation.effect,
                    )
