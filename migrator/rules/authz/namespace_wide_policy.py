"""AMB109, a policy for a whole namespace."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.policies.effective import Effective
from migrator.istio.traffic.fronts import fronts
from migrator.model.finding import Effect, Finding, Remedy, Severity
from migrator.rules.base import Rule


class NamespaceWidePolicy(Rule):
    """A policy covers a whole namespace, and the namespace's waypoint does not read it.

    ## Why
    A waypoint reads only policies with `targetRefs`. ztunnel enforces the part of layer 4, there with the
    waypoint's identity as the caller of whatever comes through it. A `selector: {}` without `matchLabels`
    is worse: a sidecar takes it for the namespace, and istiod never gives it to ztunnel.

    ## Fix
    `migrate plan` makes a copy for the Services that are bound. Remove an empty `selector` by hand.

    ## References
    - istio/istio pilot/pkg/model/policyattachment.go (`ShouldAttachPolicy`)
    - istio/istio pilot/pkg/serviceregistry/ambient/workloads.go (`buildWorkloadPolicies`)
    """

    code = "AMB109"
    severity = Severity.WARNING
    remedy = Remedy.AUTOMATIC
    inputs = kinds.WAYPOINT_REASONS

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for effective in mesh.enforced:
            policy, evaluation, apps = effective
            if evaluation.effect is Effect.IGNORED and "selector" in policy.spec:
                yield self._never_sent(effective)
            elif mesh.attachments.scope_of(policy) == "namespace" and (
                evaluation.effect is not Effect.FAITHFUL or fronts(mesh, apps)
            ):
                yield self.finding(
                    policy,
                    f"This {evaluation.action} policy covers the whole namespace; a waypoint does not "
                    "read policies without targetRefs, and ztunnel reads their part of layer 4 only.",
                    fix="Give the bound Services copies with targetRefs; `migrate plan` does.",
                    affects=apps,
                    effect=evaluation.effect,
                )

    def _never_sent(self, effective: Effective) -> Finding:
        policy, evaluation, apps = effective
        return self.finding(
            policy,
            f"The selector of this {evaluation.action} policy has no matchLabels. Sidecars take it for "
            "all pods; istiod never gives such a policy to ztunnel, so nobody enforces it.",
            fix="Remove the empty selector; the policy then covers the same pods everywhere.",
            path="spec.selector",
            severity=Severity.BLOCKER,
            remedy=Remedy.MANUAL,
            affects=apps,
            effect=Effect.IGNORED,
        )
