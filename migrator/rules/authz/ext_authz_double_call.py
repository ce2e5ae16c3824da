"""AMB120, an authorizer that is asked twice."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.policies.authorizers import provider_of
from migrator.istio.traffic.fronts import fronts
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class ExtAuthzDoubleCall(Rule):
    """A CUSTOM policy will stand at the waypoint and at the sidecar for a while, and both ask.

    ## Why
    Until the workload itself has moved, a call from an ambient caller is judged by the waypoint and again
    by the sidecar. The authorizer sees it twice: twice the latency, and a one-time token is used up.

    ## Fix
    Make sure that the authorizer bears being asked twice about one request, and has the capacity.

    ## References
    - istio/istio pilot/pkg/security/authz/builder/extauthz.go
    """

    code = "AMB120"
    severity = Severity.WARNING
    inputs = kinds.WAYPOINT_REASONS

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for policy, evaluation, apps in mesh.enforced:
            if evaluation.action != "CUSTOM" or not evaluation.rules or not fronts(mesh, apps):
                continue
            yield self.finding(
                policy,
                f"While the workloads move, waypoint and sidecar both ask {provider_of(policy)} about "
                "calls of ambient callers.",
                fix="Make sure that the authorizer bears to be asked twice about one request.",
                path="spec.provider",
                affects=apps,
                callers=["ambient"],
            )
