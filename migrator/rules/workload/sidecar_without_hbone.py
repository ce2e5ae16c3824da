"""AMB322, a running sidecar that cannot receive HBONE."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.pods.dataplane import Mode, classify
from migrator.istio.pods.sidecar_settings import own_metadata
from migrator.istio.workloads import Workload
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule

_SWITCH = "ISTIO_META_ENABLE_HBONE"


class SidecarWithoutHbone(Rule):
    """Pods that a Service selects run a sidecar that does not listen for HBONE.

    ## Why
    An ambient caller speaks HBONE or plain text. To a sidecar without HBONE it sends plain text:
    refused under STRICT, and without the caller's identity elsewhere.

    ## Fix
    Restart the pods once `ISTIO_META_ENABLE_HBONE: "true"` is in the mesh's `proxyMetadata`; `migrate
    plan` does so before the first caller moves. A template that sets it to "false" must be changed.

    ## References
    - istio/istio manifests/charts/istio-control/istio-discovery/files/injection-template.yaml
    - istio/istio pilot/pkg/serviceregistry/ambient/workloads.go (`setTunnelProtocol`)
    """

    code = "AMB322"
    severity = Severity.BLOCKER
    remedy = Remedy.AUTOMATIC
    inputs = kinds.MESHED | kinds.SERVICES

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for workload in mesh.meshed:
            if not mesh.services.of_workload(workload):
                continue
            if own_metadata(workload).get(_SWITCH, "true") != "true":
                yield self._switched_off(workload)
            elif any(classify(pod) is Mode.SIDECAR for pod in workload.pods):
                yield self._running(workload)

    def _switched_off(self, workload: Workload) -> Finding:
        return self.finding(
            workload.resource,
            f"The template of {workload.ref} switches {_SWITCH} off, so that its sidecars never "
            "listen for HBONE: ambient callers reach them in plain text.",
            fix=f"Remove {_SWITCH} from the annotation, then restart the workload.",
            path=workload.path("metadata", "annotations", "proxy.istio.io/config"),
            remedy=Remedy.MANUAL,
            affects=[workload],
            callers=["ambient"],
        )

    def _running(self, workload: Workload) -> Finding:
        return self.finding(
            workload.resource,
            f"The pods of {workload.ref} run sidecars without HBONE: an ambient caller reaches them "
            "in plain text, which STRICT refuses.",
            fix="Restart the workload before its first caller moves; the plan has the step.",
            affects=[workload],
            callers=["ambient"],
        )
