"""AMB113, a policy by address."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.policies.effective import address_uses, told
from migrator.istio.traffic.fronts import fronts
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule

_ORIGINAL = ("remoteIpBlocks", "notRemoteIpBlocks", "remote.ip")


class IpBlockPolicy(Rule):
    """A policy judges callers by address, and a waypoint comes between.

    ## Why
    Behind a waypoint the direct source of a connection is the waypoint's pod, whoever called. At the
    waypoint itself the original address is only what `X-Forwarded-For` says, as far as it is trusted.
    Without a waypoint `ipBlocks` work at ztunnel as at a sidecar.

    ## Fix
    Judge addresses where traffic enters: at the gateway. Inside the mesh name identities instead.

    ## References
    - istio/istio pilot/pkg/serviceregistry/ambient/authorization.go (`stringToIP`)
    - istio/istio pilot/pkg/networking/core/listener_waypoint.go
    """

    code = "AMB113"
    severity = Severity.BLOCKER
    inputs = kinds.WAYPOINT_REASONS

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for policy, evaluation, apps in mesh.enforced:
            uses = address_uses(policy)
            if not uses:
                continue
            in_front = fronts(mesh, apps)
            original = [use for use in uses if use.name in _ORIGINAL]
            if not in_front and not original:
                continue
            if not in_front:
                where = "ztunnel does not know the original source behind a gateway"
            elif original:
                where = "a waypoint knows the original source only as X-Forwarded-For has it"
            else:
                services = ", ".join(front.service.name for front in in_front)
                where = (
                    f"behind the waypoint of {services} the source is the waypoint's own address"
                )
            first = (uses if in_front else original)[0]
            yield self.finding(
                policy,
                f"This {evaluation.action} policy matches {told(policy, uses)}; {where}.",
                fix="Judge addresses at the gateway where the traffic enters, or name identities.",
                path=first.path,
                severity=Severity.BLOCKER if in_front else Severity.WARNING,
                affects=apps,
            )
