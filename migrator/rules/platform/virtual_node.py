"""AMB031, pods on nodes that run no DaemonSet."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.nodes import is_virtual, placed, tolerates_virtual
from migrator.istio.workloads import Workload
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class VirtualNode(Rule):
    """A workload with a sidecar runs on nodes without DaemonSets (Fargate, virtual kubelets).

    ## Why
    Ambient needs istio-cni and ztunnel on the pod's own node. On a node that runs no DaemonSet a pod
    without sidecar is outside the mesh, or does not start.

    ## Fix
    Move the workload to ordinary nodes, or leave it with its sidecar.

    ## References
    - https://istio.io/latest/docs/ambient/install/platform-prerequisites/
    - https://docs.aws.amazon.com/eks/latest/userguide/fargate.html
    """

    code = "AMB031"
    severity = Severity.BLOCKER
    inputs = kinds.MESHED | {kinds.NODE}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for workload in mesh.meshed:
            for sign, path in [*placed(mesh, workload, is_virtual), *_tolerations(workload)][:1]:
                yield self.finding(
                    workload.resource,
                    f"{workload.ref} runs where no DaemonSet runs ({sign}): neither istio-cni nor "
                    "ztunnel is beside its pods.",
                    fix="Move it to ordinary nodes, or leave it with its sidecar.",
                    path=path,
                    affects=[workload],
                )


def _tolerations(workload: Workload) -> Iterator[tuple[str, str]]:
    index = tolerates_virtual(workload)
    if index is not None:
        path = workload.path("spec", "tolerations", index)
        yield "it tolerates the taint of a virtual kubelet", path
