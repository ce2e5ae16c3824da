"""AMB117, JWT checked by sidecars."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.policies.targets import target_refs
from migrator.model.finding import Effect, Finding, Remedy, Severity
from migrator.rules.base import Rule


class RequestauthenticationSelector(Rule):
    """A RequestAuthentication lets sidecars check tokens, which ztunnel never does.

    ## Why
    Neither ztunnel nor a waypoint reads it without `targetRefs`. Invalid tokens are no longer refused, and
    policies by `requestPrincipals` lose what they rest on: ALLOW refuses all, DENY lets through.

    ## Fix
    Let a waypoint check the tokens: `migrate plan` makes copies with `targetRefs`. The waypoint, or
    istiod, has to reach the issuer's keys.

    ## References
    - istio/istio pilot/pkg/model/policyattachment.go (`ShouldAttachPolicy`)
    - https://istio.io/latest/docs/ambient/usage/l7-features/
    """

    code = "AMB117"
    severity = Severity.BLOCKER
    remedy = Remedy.AUTOMATIC
    inputs = kinds.INJECTION | {kinds.REQUEST_AUTHENTICATION}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for policy in mesh.of(kinds.REQUEST_AUTHENTICATION):
            rules = policy.spec.get("jwtRules") or ()
            apps = () if target_refs(policy) else mesh.attachments.apps_of(policy)
            if not rules or not apps:
                continue
            issuers = ", ".join(rule.get("issuer") or "(any)" for rule in rules)
            yield self.finding(
                policy,
                f"Sidecars check tokens of {issuers}. ztunnel does not, and a waypoint reads the policy "
                "only with targetRefs: invalid tokens would no longer be refused.",
                fix="Give the policy to a waypoint by targetRefs; `migrate plan` does.",
                path="spec.jwtRules",
                affects=apps,
                callers=["sidecar", "ambient", "gateway", "outside"],
                effect=Effect.OPEN,
            )
