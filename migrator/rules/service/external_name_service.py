"""AMB610, a Service that is only a name."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.versions import Version
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule

_FIXED_SINCE = Version(1, 25)


class ExternalNameService(Rule):
    """A Service is an alias of a DNS name (`ExternalName`), to which no waypoint can be bound.

    ## Why
    ztunnel knows no such Service; the name is resolved, and the call treated by the address that comes out.
    With DNS capture before Istio 1.25 that failed.

    ## Fix
    Nothing, where it works today. A ServiceEntry for the name can have an egress waypoint.

    ## References
    - istio/istio pilot/pkg/serviceregistry/ambient/services.go (`serviceServiceBuilder`)
    """

    code = "AMB610"
    severity = Severity.INFO
    remedy = Remedy.NONE
    inputs = kinds.MESHED | kinds.SERVICES

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        meshed = set(mesh.meshed_namespaces)
        old = mesh.istio_version < _FIXED_SINCE
        for service in mesh.services.all:
            if service.type != "ExternalName" or service.namespace not in meshed:
                continue
            target = service.resource.spec.get("externalName", "")
            yield self.finding(
                service.resource,
                f"It stands for {target}, and is no Service to ztunnel: its callers are treated by "
                "the address behind the name."
                + (
                    f" In Istio {mesh.istio_version} DNS capture does not resolve it."
                    if old
                    else ""
                ),
                fix="Upgrade Istio to 1.25 or later first."
                if old
                else "Use a ServiceEntry for a waypoint.",
                path="spec.externalName",
                severity=Severity.WARNING if old else Severity.INFO,
                remedy=Remedy.MANUAL if old else Remedy.NONE,
                callers=["ambient"],
            )
