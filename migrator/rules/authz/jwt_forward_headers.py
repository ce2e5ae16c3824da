"""AMB122, an application that reads what the token check leaves."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.policies.targets import target_refs
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule

_FIELDS = ("outputPayloadToHeader", "outputClaimToHeaders", "forwardOriginalToken")


class JwtForwardHeaders(Rule):
    """A RequestAuthentication hands the token, or parts of it, to the application in headers.

    ## Why
    Nobody sets these headers once the sidecar is gone, unless a waypoint does: for calls that come
    through it. A caller that gets around the waypoint may set them itself.

    ## Fix
    Keep the fields in the copy for the waypoint, guard the workload against a bypass, and try the
    application behind the waypoint before the switch.

    ## References
    - istio/api security/v1beta1/request_authentication.proto (`output_claim_to_headers`)
    """

    code = "AMB122"
    severity = Severity.WARNING
    inputs = kinds.INJECTION | {kinds.REQUEST_AUTHENTICATION}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for policy in mesh.of(kinds.REQUEST_AUTHENTICATION):
            apps = () if target_refs(policy) else mesh.attachments.apps_of(policy)
            for i, rule in enumerate(policy.spec.get("jwtRules") or ()):
                used = [name for name in _FIELDS if rule.get(name)]
                if used and apps:
                    yield self.finding(
                        policy,
                        f"Tokens of {rule.get('issuer') or '(any)'} reach the application by "
                        f"{', '.join(used)}. Without the sidecar only a waypoint can do that, for the "
                        "calls that come through it.",
                        fix="Try the application behind the waypoint before the switch, and guard it "
                        "against calls that get around the waypoint.",
                        path=field("spec", "jwtRules", i, used[0]),
                        affects=apps,
                    )
