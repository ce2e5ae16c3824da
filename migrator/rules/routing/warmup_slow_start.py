"""AMB230, a gentle start."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.destinationrules import listed, losses
from migrator.istio.traffic.virtualservices import apps
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule

_SETTINGS = ("loadBalancer.warmup", "loadBalancer.warmupDurationSecs")


class WarmupSlowStart(Rule):
    """A DestinationRule lets new pods start with a small share (`warmup`), which ztunnel does not do.

    ## Why
    With ztunnel a new pod gets its full share of connections as soon as it is ready. Only a waypoint warms
    pods up.

    ## Fix
    Bind the Service to a waypoint, or let the pod's readiness wait until it can take its share.

    ## References
    - istio.io/api networking/v1alpha3/destination_rule.proto (`WarmupConfiguration`)
    - istio/istio pilot/pkg/networking/core/cluster_waypoint.go
    """

    code = "AMB230"
    severity = Severity.WARNING
    inputs = kinds.WAYPOINT_REASONS | {kinds.SERVICE_ENTRY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for loss in losses(mesh, _SETTINGS):
            if loss.services:
                yield self.finding(
                    loss.rule,
                    f"New pods of {listed(s.host for s in loss.services)} start with a small "
                    "share. ztunnel gives them their full share at once.",
                    fix="Bind the Service to a waypoint, or let readiness wait.",
                    path=loss.settings[0].path,
                    affects=apps(mesh, loss.services),
                    callers=["ambient"],
                )
