"""AMB022, identities from SPIRE."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.pods.sidecar_settings import templates
from migrator.istio.workloads import Role, Workload
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule

_DRIVER = "csi.spiffe.io"
_VOLUME = "workload-socket"


class SpireIdentity(Rule):
    """The proxies of a workload take their identity from SPIRE, and not from istiod.

    ## Why
    ztunnel asks istiod for the certificates of its pods and knows no other source. The workload would
    get another identity than it has today, or none, and policies that name its SPIFFE id stop matching.

    ## Fix
    Keep the workload with its sidecar, or give up SPIRE for it first.

    ## References
    - https://istio.io/latest/docs/ops/integrations/spire/
    - https://github.com/istio/istio/issues/42339
    """

    code = "AMB022"
    severity = Severity.BLOCKER
    inputs = kinds.MESHED

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for workload in mesh.workloads:
            if workload.role is Role.GATEWAY or (
                workload.role is Role.APP and mesh.has_sidecar(workload)
            ):
                yield from self._by_workload(workload)

    def _by_workload(self, workload: Workload) -> Iterator[Finding]:
        for index, volume in enumerate(workload.pod_spec.get("volumes") or ()):
            if volume.get("name") == _VOLUME and (volume.get("csi") or {}).get("driver") == _DRIVER:
                yield self._finding(
                    workload,
                    f"mounts the socket of SPIRE ({_DRIVER}) for its proxy",
                    workload.path("spec", "volumes", index),
                )
                return
        named = [name for name in templates(workload) if "spire" in name.lower()]
        if named:
            yield self._finding(
                workload,
                f"is injected with the template {named[0]}",
                workload.path("metadata", "annotations", "inject.istio.io/templates"),
            )

    def _finding(self, workload: Workload, what: str, path: str) -> Finding:
        return self.finding(
            workload.resource,
            f"{workload.ref} {what}: ztunnel takes identities from istiod only.",
            fix="Leave the workload with its sidecar, or move its identity to istiod first.",
            path=path,
            affects=[workload],
        )
