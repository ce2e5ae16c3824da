"""AMB133, an admission policy that knows sidecars only."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.pods.admission import POLICIES, Hurdle, hurdles, namespaces_of
from migrator.model.finding import Finding, Scope, Severity
from migrator.rules.base import Rule


class AdmissionPolicyBlocks(Rule):
    """An admission policy requires, sets or refuses what the migration changes.

    ## Why
    A policy that asks for `istio-injection: enabled`, or for a container `istio-proxy`, refuses the
    change of labels midway, or the pods without sidecar that come after it. One that adds the label
    brings sidecars back.

    ## Fix
    Teach the policy about `istio.io/dataplane-mode: ambient`, or exempt the namespaces that move; then
    try every change with a server-side dry run.

    ## References
    - https://kyverno.io/docs/policy-types/cluster-policy/
    - https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/
    """

    code = "AMB133"
    severity = Severity.BLOCKER
    scope = Scope.NAMESPACE
    inputs = kinds.INJECTION | POLICIES

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for kind in sorted(POLICIES):
            for policy in mesh.of(kind):
                for hurdle in hurdles(policy):
                    touched = namespaces_of(policy, hurdle, mesh.meshed_namespaces)
                    if not touched:
                        continue
                    then = "and may be refused" if hurdle.enforced else "which it will report"
                    yield self.finding(
                        policy,
                        f"This admission policy names {', '.join(hurdle.marks)}; the migration changes "
                        f"that in {', '.join(touched)}, {then}.",
                        fix="Let the policy accept istio.io/dataplane-mode: ambient in place of a "
                        "sidecar, and try the changes with a server-side dry run.",
                        path=hurdle.path,
                        severity=_severity(hurdle),
                        affects=[mesh.namespace(name).ref for name in touched],
                    )


def _severity(hurdle: Hurdle) -> Severity:
    if not hurdle.enforced:
        return Severity.INFO
    return Severity.BLOCKER if hurdle.on_labels else Severity.WARNING
