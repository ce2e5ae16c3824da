"""AMB345, a pod that no controller would start again."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule

_ENDED = frozenset({"Succeeded", "Failed"})


class BarePod(Rule):
    """A pod with a sidecar has no controller that would start it again.

    ## Why
    A sidecar leaves with its pod only. No restart of a controller replaces this one, and a deletion
    would be final.

    ## Fix
    Delete the pod and create it again after its namespace has moved, or put it under a Deployment.

    ## References
    - istio/istio cni/pkg/util/podutil.go (a pod with a sidecar is never enrolled)
    - https://kubernetes.io/docs/concepts/workloads/pods/
    """

    code = "AMB345"
    severity = Severity.BLOCKER
    inputs = kinds.MESHED

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for workload in mesh.meshed:
            pod = workload.resource
            if workload.ref.group_kind == kinds.POD and pod.status.get("phase") not in _ENDED:
                yield self.finding(
                    pod,
                    f"{workload.ref} has a sidecar and no controller: a restart cannot move it, and "
                    "deleting it would be final.",
                    fix="Create the pod again once its namespace has moved, or use a Deployment.",
                    affects=[workload],
                )
