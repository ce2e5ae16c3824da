"""AMB615, a wish that ztunnel honours."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.virtualservices import apps, is_meshed
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Remedy, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule

_ANNOTATION = "networking.istio.io/traffic-distribution"
_LOCAL = "Local"


class TrafficDistribution(Rule):
    """A Service prefers near endpoints by its own fields, and ztunnel honours that.

    ## Why
    ztunnel reads `spec.trafficDistribution`, the annotation `networking.istio.io/traffic-distribution` and
    `internalTrafficPolicy: Local`. It is also what can stand in for a DestinationRule's locality settings.

    ## Fix
    Nothing.

    ## References
    - istio/istio pilot/pkg/serviceregistry/ambient/services.go (`constructService`)
    - istio/istio pilot/pkg/model/service.go (`GetTrafficDistribution`)
    """

    code = "AMB615"
    severity = Severity.INFO
    remedy = Remedy.NONE
    inputs = kinds.MESHED | kinds.SERVICES

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for service in mesh.services.all:
            path, value = _preference(service.resource)
            if path and is_meshed(mesh, service):
                yield self.finding(
                    service.resource,
                    "It asks for endpoints on the caller's node only; ztunnel honours that."
                    if value == _LOCAL
                    else f"It prefers near endpoints ({value}); ztunnel honours that.",
                    fix="Nothing.",
                    path=path,
                    affects=apps(mesh, [service]),
                    callers=["ambient"],
                )


def _preference(service: Resource) -> tuple[str, str]:
    """(path, value) of what ztunnel goes by."""
    if service.spec.get("internalTrafficPolicy") == _LOCAL:
        return "spec.internalTrafficPolicy", _LOCAL
    if value := service.spec.get("trafficDistribution"):
        return "spec.trafficDistribution", value
    value = service.annotations.get(_ANNOTATION, "")
    return (field("metadata", "annotations", _ANNOTATION) if value else ""), value
