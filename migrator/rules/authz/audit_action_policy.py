"""AMB104, a policy that only marks requests for auditing."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.finding import Effect, Finding, Remedy, Severity
from migrator.rules.base import Rule


class AuditActionPolicy(Rule):
    """An AUDIT policy marks requests for an audit plugin, and ztunnel does not read it.

    ## Why
    istiod does not send policies of action AUDIT to ztunnel. No call is refused or permitted by it,
    but the audit trail ends with the sidecar.

    ## Fix
    Let a waypoint keep the trail: `migrate plan` copies the policy with `targetRefs`.

    ## References
    - istio/istio pilot/pkg/serviceregistry/ambient/authorization.go (`convertAuthorizationPolicy`)
    """

    code = "AMB104"
    severity = Severity.WARNING
    remedy = Remedy.AUTOMATIC
    inputs = kinds.INJECTION | {kinds.AUTHORIZATION_POLICY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for policy, evaluation, apps in mesh.enforced:
            if evaluation.action == "AUDIT" and evaluation.rules:
                yield self.finding(
                    policy,
                    "This policy marks requests for auditing. ztunnel does not read AUDIT policies: "
                    "without a waypoint nothing is marked any more.",
                    fix="Give the policy to a waypoint by targetRefs, as `migrate plan` does.",
                    path="spec.action",
                    affects=apps,
                    effect=Effect.IGNORED,
                )
