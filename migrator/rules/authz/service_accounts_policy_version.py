"""AMB107, a policy by service account under a ztunnel that does not know them."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.policies.effective import told
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule

_FIELDS = {"serviceAccounts", "notServiceAccounts"}


class ServiceAccountsPolicyVersion(Rule):
    """A policy names service accounts, and ztunnel reads them only from Istio 1.26 on.

    ## Why
    An older istiod drops the fields on the way to ztunnel. Alone in a Match they leave it void: a DENY
    lets through, an ALLOW refuses; beside other fields the rule matches more than it says.

    ## Fix
    Upgrade Istio to 1.26 or later before the workloads move, or write principals.

    ## References
    - istio/istio pilot/pkg/serviceregistry/ambient/authorization.go (`stringToServiceAccountMatch`)
    """

    code = "AMB107"
    severity = Severity.BLOCKER
    inputs = kinds.INJECTION | {kinds.AUTHORIZATION_POLICY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for policy, evaluation, apps in mesh.enforced:
            for rule in evaluation.rules:
                for use in rule.dropped_silently:
                    if use.name in _FIELDS and evaluation.action in {"ALLOW", "DENY"}:
                        yield self.finding(
                            policy,
                            f"Rule {rule.index} matches {told(policy, [use])}. ztunnel reads service "
                            f"accounts from 1.26 on, and this mesh has Istio {mesh.istio_version}.",
                            fix="Upgrade Istio to 1.26 or later first, or write principals.",
                            path=use.path,
                            affects=apps,
                            effect=rule.effect,
                        )
