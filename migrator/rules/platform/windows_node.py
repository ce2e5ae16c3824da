"""AMB030, pods on Windows."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.nodes import is_windows, placed
from migrator.istio.workloads import Role
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class WindowsNode(Rule):
    """A workload in a namespace of the mesh runs on Windows nodes.

    ## Why
    istio-cni and ztunnel run on Linux nodes only. The namespace's label does not enrol these pods; they
    stay outside the mesh, and STRICT servers refuse them.

    ## Fix
    Label the template with `istio.io/dataplane-mode: none`, so that nobody takes it for a member.

    ## References
    - istio/istio manifests/charts/ztunnel/templates/daemonset.yaml (`nodeSelector`)
    """

    code = "AMB030"
    severity = Severity.BLOCKER
    inputs = kinds.MESHED | {kinds.NODE}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for workload in mesh.workloads:
            if workload.role is not Role.APP or not mesh.meshed_in(workload.namespace):
                continue
            for sign, path in list(placed(mesh, workload, is_windows))[:1]:
                yield self.finding(
                    workload.resource,
                    f"{workload.ref} runs on Windows ({sign}), where neither istio-cni nor ztunnel runs.",
                    fix="Label its template istio.io/dataplane-mode: none and keep it out of the plan.",
                    path=path,
                    affects=[workload],
                )
