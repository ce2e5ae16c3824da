"""AMB505, a gateway among applications."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.workloads import Role
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule


class GatewayInAppNamespace(Rule):
    """A gateway runs in a namespace whose applications move to ambient; it stays what it is.

    ## Why
    An injected gateway has the annotation of a sidecar, and istiod labels the gateways that it manages
    `istio.io/dataplane-mode: none`: neither is captured by the namespace's label.

    ## Fix
    Nothing. A gateway that is neither injected nor managed needs `istio.io/dataplane-mode: none` itself.

    ## References
    - istio/istio cni/pkg/util/enablement_selector.go
    - istio/istio pilot/pkg/config/kube/gatewaycommon/deploymentcontroller.go (`setLabelOverrides`)
    """

    code = "AMB505"
    severity = Severity.INFO
    remedy = Remedy.NONE
    inputs = kinds.MESHED

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        meshed = set(mesh.meshed_namespaces)
        for workload in mesh.workloads:
            if workload.role is Role.GATEWAY and workload.namespace in meshed:
                yield self.finding(
                    workload.resource,
                    f"It is a gateway, in namespace {workload.namespace} with applications that "
                    "move. The "
                    "namespace's label does not capture it.",
                    fix="Nothing, if istiod injects or manages it; else label its pods "
                    "istio.io/dataplane-mode: none.",
                    affects=[workload],
                )
