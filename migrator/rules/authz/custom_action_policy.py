"""AMB103, a policy that asks an external authorizer."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.finding import Effect, Finding, Remedy, Severity
from migrator.rules.base import Rule


class CustomActionPolicy(Rule):
    """A CUSTOM policy asks an external authorizer, which ztunnel never does.

    ## Why
    istiod does not send policies of action CUSTOM to ztunnel. Without a waypoint nobody asks the
    authorizer any more, and what it would refuse is let through.

    ## Fix
    Let a waypoint enforce it: `migrate plan` copies the policy with `targetRefs`. Make sure that the
    provider can be reached from the waypoint's namespace; it will see the waypoint as its caller.

    ## References
    - istio/istio pilot/pkg/serviceregistry/ambient/authorization.go (`convertAuthorizationPolicy`)
    - https://istio.io/latest/docs/tasks/security/authorization/authz-custom/
    """

    code = "AMB103"
    severity = Severity.BLOCKER
    remedy = Remedy.AUTOMATIC
    inputs = kinds.INJECTION | {kinds.AUTHORIZATION_POLICY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for policy, evaluation, apps in mesh.enforced:
            if evaluation.action != "CUSTOM" or not evaluation.rules:
                continue
            provider = (policy.spec.get("provider") or {}).get("name") or "(none named)"
            yield self.finding(
                policy,
                f"This policy asks the external authorizer {provider}. ztunnel does not read CUSTOM "
                "policies: without a waypoint every call passes unasked.",
                fix=f"Give the policy to a waypoint by targetRefs, as `migrate plan` does, and let the "
                f"waypoint reach {provider}.",
                path="spec.action",
                affects=apps,
                callers=["sidecar", "ambient", "gateway", "outside"],
                effect=Effect.OPEN,
            )
