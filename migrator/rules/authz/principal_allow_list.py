"""AMB111, a policy by the caller's identity behind a waypoint."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.behind_waypoint import all_changes
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule


class PrincipalAllowList(Rule):
    """A policy names the callers of workloads that a waypoint stands, or will stand, in front of.

    ## Why
    What comes through a waypoint carries the waypoint's identity. An ALLOW list without it refuses
    every such call, at sidecars and at ztunnel alike; a DENY list no longer meets those whom it names.

    ## Fix
    Add the waypoint's identity to what the workload allows, and judge the real callers at the waypoint.
    `migrate plan` does both: an ALLOW for the waypoint before it is bound, and copies by `targetRefs`.

    ## References
    - istio/istio pilot/pkg/serviceregistry/ambient/authorization.go
    - istio/istio pilot/pkg/config/kube/gatewaycommon/deploymentcontroller.go (its service account)
    """

    code = "AMB111"
    severity = Severity.BLOCKER
    remedy = Remedy.AUTOMATIC
    inputs = kinds.WAYPOINT_REASONS

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for effective in mesh.enforced:
            paths: set[str] = set()
            for front, change in all_changes(mesh, effective):
                at_home = front.gateway.namespace == front.service.namespace
                use = change.use
                if use.path in paths or (use.name == "namespaces" and not at_home):
                    continue
                paths.add(use.path)
                yield self.finding(
                    effective.policy,
                    f"Rule {use.rule} of this {effective.evaluation.action} policy names "
                    f"{use.name} {change.shown}. Calls to {front.service.name} through its "
                    f"waypoint carry {change.principal}: {change.then}.",
                    fix=f"Allow {change.principal} at the workload and judge the real callers at "
                    "the waypoint; `migrate plan` does both.",
                    path=use.path,
                    affects=effective.apps,
                    callers=["ambient"],
                    effect=change.effect,
                )
