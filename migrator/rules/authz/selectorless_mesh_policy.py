"""AMB108, a policy for the whole mesh."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.policies.authz import Level
from migrator.istio.traffic.fronts import fronts
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule


class SelectorlessMeshPolicy(Rule):
    """A policy of the root namespace covers the whole mesh, and waypoints do not read it.

    ## Why
    A policy without selector in the root namespace acts on every sidecar. ztunnel enforces its part of
    layer 4; a waypoint reads only policies with `targetRefs`, so nobody enforces the rest.

    ## Fix
    Give every waypoint a copy that targets the GatewayClass `istio-waypoint` in the root namespace
    (Istio 1.25 or later), as `migrate plan` does.

    ## References
    - istio/istio pilot/pkg/model/policyattachment.go (`ShouldAttachPolicy`)
    """

    code = "AMB108"
    severity = Severity.BLOCKER
    remedy = Remedy.AUTOMATIC
    inputs = kinds.WAYPOINT_REASONS

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for policy, evaluation, apps in mesh.enforced:
            if mesh.attachments.scope_of(policy) != "mesh":
                continue
            relies_on_http = evaluation.level is Level.L7
            if not relies_on_http and not fronts(mesh, apps):
                continue
            part = (
                "uses HTTP attributes, or an action, that ztunnel does not know"
                if relies_on_http
                else "is enforced by ztunnel, where calls through a waypoint carry its identity"
            )
            yield self.finding(
                policy,
                f"This {evaluation.action} policy covers the whole mesh and {part}; waypoints do not "
                "read policies without targetRefs.",
                fix="Add a copy in this namespace with targetRefs to GatewayClass istio-waypoint; "
                "`migrate plan` does.",
                severity=Severity.BLOCKER if relies_on_http else Severity.WARNING,
                affects=apps,
                effect=evaluation.effect,
            )
