"""AMB219, what only clients apply."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.policies.clientpolicy import CLIENT_POLICY
from migrator.istio.traffic.destinationrules import listed, losses
from migrator.istio.traffic.virtualservices import apps
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class DestinationruleClientPolicy(Rule):
    """A DestinationRule shapes connections or balancing, which sidecars do at the client, and ztunnel not.

    ## Why
    ztunnel has no connection pools, no outlier detection, and balances by connection. Only a waypoint of the
    destination applies these settings, for all its callers.

    ## Fix
    `migrate plan --waypoints all` binds such Services too; or accept what ztunnel does. An external host
    needs an egress waypoint (`istio.io/use-waypoint` on its ServiceEntry).

    ## References
    - istio/istio pilot/pkg/networking/core/cluster_waypoint.go
    - https://istio.io/latest/docs/ambient/usage/l7-features/
    """

    code = "AMB219"
    severity = Severity.WARNING
    inputs = kinds.WAYPOINT_REASONS | {kinds.SERVICE_ENTRY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for loss in losses(mesh, CLIENT_POLICY):
            hosts = [s.host for s in loss.services] or [loss.rule.spec.get("host", "")]
            yield self.finding(
                loss.rule,
                f"Sidecars apply {loss.names} to calls of {listed(hosts)}. No waypoint stands in "
                "front, and ztunnel applies none of it.",
                fix="Bind the Service, or the ServiceEntry, to a waypoint if it matters.",
                path=loss.settings[0].path,
                affects=(*apps(mesh, loss.services), *loss.entries),
                callers=["ambient"],
            )
