"""AMB505, a gateway among applications."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.mesh import Mesh
from migrator.istio.pods.sidecar_settings import templates
from migrator.istio.workloads import Role, Workload
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule


class GatewayInAppNamespace(Rule):
    """A gateway runs in a namespace whose applications move to ambient; it stays what it is.

    ## Why
    An injected gateway has the annotation of a sidecar, and istiod labels the gateways that it manages
    `istio.io/dataplane-mode: none`: neither is captured by the namespace's label.

    ## Fix
    Nothing. A gateway that is neither injected nor managed needs `istio.io/dataplane-mode: none` itself;
    `migrate plan` labels it.

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
                stays_out = _stays_out(workload)
                yield self.finding(
                    workload.resource,
                    f"It is a gateway, in namespace {workload.namespace} with applications that move. "
                    + (
                        "The namespace's label does not capture it."
                        if stays_out
                        else "istiod neither injects nor manages it: the namespace's label would "
                        "capture it."
                    ),
                    fix="Nothing."
                    if stays_out
                    else f"Label its pods {names.DATAPLANE_MODE}: none; `migrate plan` does it.",
                    affects=[workload],
                )


def _stays_out(workload: Workload) -> bool:
    """Whether it is injected by the gateway's template, managed by istiod, or kept out by its label."""
    return (
        "gateway" in templates(workload)
        or names.GATEWAY_NAME in workload.labels
        or workload.labels.get(names.DATAPLANE_MODE) == "none"
    )
