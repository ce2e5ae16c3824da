"""AMB114, a policy by port, where Service and workload have different ones."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.policies.effective import port_uses, values_of
from migrator.istio.traffic.fronts import fronts
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule


class PolicyPortMapping(Rule):
    """A policy names ports of the workload, and the waypoint will compare the Service's.

    ## Why
    Sidecar and ztunnel judge the port that the workload listens on. A waypoint judges the port of the
    Service. Copied as it is, the policy matches nothing there, or something else.

    ## Fix
    Name the Service's ports in what the waypoint enforces; `migrate plan` maps them in its copies.

    ## References
    - istio/istio pilot/pkg/networking/core/listener_waypoint.go
    """

    code = "AMB114"
    severity = Severity.BLOCKER
    remedy = Remedy.AUTOMATIC
    inputs = kinds.WAYPOINT_REASONS

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for policy, evaluation, apps in mesh.enforced:
            uses = port_uses(policy)
            if not uses:
                continue
            mapped = {
                str(port.target): f"{front.service.name}:{port.number}"
                for front in fronts(mesh, apps)
                for port in front.service.ports
                if port.target not in {None, port.number}
            }
            for use in uses:
                named = [v.removeprefix("not ") for v in values_of(policy, use)]
                other = [f"{value} is {mapped[value]}" for value in named if value in mapped]
                if other:
                    yield self.finding(
                        policy,
                        f"This {evaluation.action} policy names {use.name} {', '.join(named)}, the "
                        f"workload's; at the waypoint {', '.join(other)}.",
                        fix="Name the Service's ports in the copy for the waypoint; `migrate plan` does.",
                        path=use.path,
                        affects=apps,
                    )
