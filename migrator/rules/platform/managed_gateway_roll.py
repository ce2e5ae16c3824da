"""AMB017, gateways that restart when ambient is enabled."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.labels import DATAPLANE_MODE
from migrator.istio.mesh import Mesh
from migrator.model.finding import Finding, Scope, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule


class ManagedGatewayRoll(Rule):
    """istiod manages the Deployment of a Gateway, and restarts it once when ambient is enabled.

    ## Why
    With ambient istiod adds the label `istio.io/dataplane-mode: none` to the pods of the gateways that
    it manages, so that each Deployment rolls once. A gateway with one replica is briefly away.

    ## Fix
    Enable ambient when a restart of the gateways is fine, and give each two replicas and a budget.

    ## References
    - istio/istio pilot/pkg/config/kube/gatewaycommon/deploymentcontroller.go (`setLabelOverrides`)
    """

    code = "AMB017"
    severity = Severity.WARNING
    scope = Scope.CLUSTER
    inputs = frozenset({kinds.DEPLOYMENT, kinds.GATEWAY})

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        enabled_later = [plane for plane in mesh.control_planes if plane.ambient is False]
        for gateway in mesh.of(kinds.GATEWAY):
            if enabled_later and _is_managed(gateway):
                yield self.finding(
                    gateway,
                    f"istiod manages the Deployment of {gateway.ref}, and adds {DATAPLANE_MODE}: none "
                    "to its pods when ambient is enabled: it restarts once.",
                    fix="Give it two replicas, and enable ambient when a restart is fine.",
                )


def _is_managed(gateway: Resource) -> bool:
    """A Gateway with an address of its own is served by a Deployment that somebody else made."""
    addresses = gateway.spec.get("addresses") or ()
    return gateway.spec.get("gatewayClassName") == "istio" and not addresses
