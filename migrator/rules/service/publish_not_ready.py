"""AMB616, pods that are called before they are ready."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.virtualservices import apps, is_meshed
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule


class PublishNotReady(Rule):
    """A Service publishes pods that are not ready (`publishNotReadyAddresses`), and ztunnel honours that.

    ## Why
    ztunnel sends to every pod of such a Service, ready or not, as its callers expect.

    ## Fix
    Nothing.

    ## References
    - istio/istio pilot/pkg/serviceregistry/ambient/services.go (`constructService`)
    """

    code = "AMB616"
    severity = Severity.INFO
    remedy = Remedy.NONE
    inputs = kinds.MESHED | kinds.SERVICES

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for service in mesh.services.all:
            if service.resource.spec.get("publishNotReadyAddresses") and is_meshed(mesh, service):
                yield self.finding(
                    service.resource,
                    "It publishes pods that are not ready; ztunnel sends to these too.",
                    fix="Nothing.",
                    path="spec.publishNotReadyAddresses",
                    affects=apps(mesh, [service]),
                    callers=["ambient"],
                )
