"""AMB119, a token that the waypoint takes away from the sidecar."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.policies.effective import token_uses
from migrator.istio.policies.targets import target_refs
from migrator.istio.traffic.fronts import fronts
from migrator.istio.workloads import Workload
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule


class JwtDoubleValidation(Rule):
    """A token is checked by the sidecar, and a waypoint in front of it would take it out.

    ## Why
    Unless `forwardOriginalToken` is true, whoever checks a token removes it from the request. While the
    workload still has its sidecar, that one finds no token any more: ALLOW by `requestPrincipals` fails,
    and DENY of requests without one refuses all.

    ## Fix
    Let the waypoint's copy pass the token on until the workload has moved, as `migrate plan` does.

    ## References
    - istio/istio pilot/pkg/security/authn/policy_applier.go (`convertToEnvoyJwtConfig`)
    - istio/api security/v1beta1/request_authentication.proto (`forward_original_token`)
    """

    code = "AMB119"
    severity = Severity.BLOCKER
    remedy = Remedy.AUTOMATIC
    inputs = kinds.WAYPOINT_REASONS

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for policy in mesh.of(kinds.REQUEST_AUTHENTICATION):
            if target_refs(policy):
                continue
            apps = [w for w in mesh.attachments.apps_of(policy) if _asks_for_token(mesh, w)]
            if not apps or not fronts(mesh, apps):
                continue
            for i, rule in enumerate(policy.spec.get("jwtRules") or ()):
                if not rule.get("forwardOriginalToken"):
                    yield self.finding(
                        policy,
                        f"Tokens of {rule.get('issuer') or '(any)'} are removed by whoever checks them "
                        "first. Behind a waypoint the sidecar sees none, and its policies ask for one.",
                        fix="Let the waypoint's copy forward the original token until the workload has "
                        "moved; `migrate plan` does.",
                        path=field("spec", "jwtRules", i),
                        affects=apps,
                        callers=["ambient"],
                    )


def _asks_for_token(mesh: Mesh, workload: Workload) -> bool:
    policies = mesh.attachments.on_workload(kinds.AUTHORIZATION_POLICY, workload)
    return any(token_uses(policy) for policy in policies)
