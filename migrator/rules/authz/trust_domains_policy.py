"""AMB106, a policy by trust domain."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.policies.effective import told
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule

_FIELDS = {"trustDomains", "notTrustDomains"}
_CONDITION = "source.trustDomain"


class TrustDomainsPolicy(Rule):
    """A policy names trust domains, and istiod drops the field on the way to ztunnel.

    ## Why
    `trustDomains` and `notTrustDomains` reach no ztunnel, and no status says so. Alone in a Match they
    leave it void: a DENY lets through, an ALLOW refuses. Beside other fields the rule matches sources of
    any trust domain. `when: source.trustDomain` is lost as well.

    ## Fix
    Write them as principals, which ztunnel knows: `principals: ["other.example/*"]`.

    ## References
    - istio/istio pilot/pkg/serviceregistry/ambient/authorization.go (`handleRule` names no such field)
    - istio/api security/v1beta1/authorization_policy.proto (`trust_domains`)
    """

    code = "AMB106"
    severity = Severity.BLOCKER
    inputs = kinds.INJECTION | {kinds.AUTHORIZATION_POLICY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for policy, evaluation, apps in mesh.enforced:
            if evaluation.action not in {"ALLOW", "DENY"}:
                continue
            for rule in evaluation.rules:
                lost = [u for u in rule.dropped_silently if u.name in _FIELDS]
                lost += [u for u in rule.l7 if u.name == _CONDITION]
                for use in lost:
                    yield self.finding(
                        policy,
                        f"Rule {rule.index} matches {told(policy, [use])}. ztunnel never gets this "
                        f"field, and no status says so; what is left of the rule is: {rule.effect}.",
                        fix="Write the trust domain as a principal, like `other.example/*`.",
                        path=use.path,
                        affects=apps,
                        effect=rule.effect,
                    )
