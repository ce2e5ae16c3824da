"""AMB105, a policy that is only tried."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.policies.authz import is_dry_run
from migrator.istio.policies.targets import target_refs
from migrator.istio.versions import Version
from migrator.model.fieldpath import field
from migrator.model.finding import Effect, Finding, Remedy, Severity
from migrator.rules.base import Rule

_SWITCH = "AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY"
_ZTUNNEL_KNOWS_SINCE = Version(1, 29)


class DryRunPolicy(Rule):
    """A policy is only tried (`istio.io/dry-run`), and ztunnel is not told of it.

    ## Why
    Sidecars log what such a policy would do. istiod sends it to ztunnel only with a switch that is off
    by default; a ztunnel before 1.29 would then enforce it in earnest.

    ## Fix
    Nothing, if nobody reads the result. Else give a copy to a waypoint by `targetRefs`. Turn the switch
    on only with ztunnel 1.29 or later.

    ## References
    - istio/istio pilot/pkg/features/ambient.go (`EnableWdsDryRunAuthzPol`)
    """

    code = "AMB105"
    severity = Severity.INFO
    remedy = Remedy.NONE
    inputs = kinds.INJECTION | {kinds.AUTHORIZATION_POLICY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        switched_on = any(c.env.get(_SWITCH) == "true" for c in mesh.control_planes)
        enforced = switched_on and mesh.istio_version < _ZTUNNEL_KNOWS_SINCE
        for policy in mesh.of(kinds.AUTHORIZATION_POLICY):
            if not is_dry_run(policy) or target_refs(policy):
                continue
            apps = mesh.attachments.apps_of(policy)
            if not apps or (switched_on and not enforced):
                continue
            then = (
                f"istiod sends it to ztunnel ({_SWITCH}), which enforces it before 1.29"
                if enforced
                else "istiod does not send it to ztunnel, so its results are no longer logged"
            )
            yield self.finding(
                policy,
                f"This policy is a dry run; {then}.",
                fix=f"Turn {_SWITCH} off, or run ztunnel 1.29 or later."
                if enforced
                else "Nothing to do, unless somebody reads its results.",
                path=field("metadata", "annotations", "istio.io/dry-run"),
                severity=Severity.WARNING if enforced else Severity.INFO,
                remedy=Remedy.MANUAL if enforced else Remedy.NONE,
                affects=apps,
                effect=Effect.WIDER if enforced else Effect.IGNORED,
            )
