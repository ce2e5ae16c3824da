"""AMB228, preferring what is near."""

from collections.abc import Iterator, Mapping
from typing import Any

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.destinationrules import listed, losses
from migrator.istio.traffic.virtualservices import apps
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule

_KEY = "localityLbSetting"
_FIX = "Set trafficDistribution: PreferClose on the Services, or bind them to a waypoint."


class LocalityLbSetting(Rule):
    """Sidecars prefer endpoints by region and zone (`localityLbSetting`), and ztunnel does not read that.

    ## Why
    In ambient connections go to all healthy pods, near or far. ztunnel honours the Service's own
    `trafficDistribution`; the shares of `distribute` and the order of `failover` exist only at waypoints.

    ## Fix
    Set `spec.trafficDistribution: PreferClose` on the Services, or bind them to a waypoint.

    ## References
    - istio/istio pilot/pkg/serviceregistry/ambient/services.go (`constructService`)
    - istio.io/api networking/v1alpha3/destination_rule.proto (`LocalityLoadBalancerSetting`)
    """

    code = "AMB228"
    severity = Severity.WARNING
    inputs = kinds.WAYPOINT_REASONS | {kinds.SERVICE_ENTRY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for loss in losses(mesh, [f"loadBalancer.{_KEY}"]):
            asked = [s for s in loss.settings if s.value.get("enabled") is not False]
            services = [s for s in loss.services if not s.resource.spec.get("trafficDistribution")]
            if asked and services:
                yield self.finding(
                    loss.rule,
                    f"{_KEY} {_said(asked[0].value)} shapes calls to "
                    f"{listed(s.host for s in services)}. ztunnel does not read it: connections go "
                    "to all healthy pods.",
                    fix=_FIX,
                    path=asked[0].path,
                    affects=apps(mesh, services),
                    callers=["ambient"],
                )
        of_mesh = mesh.config.get(_KEY)
        where = mesh.config.where(_KEY)
        if where is not None and isinstance(of_mesh, Mapping) and _said(of_mesh) and mesh.meshed:
            source, path = where
            yield self.finding(
                source,
                f"The mesh's {_KEY} has {_said(of_mesh)}. ztunnel does not read it: connections go "
                "to all healthy pods.",
                fix=_FIX,
                path=path,
                affects=mesh.meshed,
                callers=["ambient"],
            )


def _said(setting: Mapping[str, Any]) -> str:
    """Which of its parts are there."""
    return ", ".join(k for k in ("distribute", "failover", "failoverPriority") if setting.get(k))
