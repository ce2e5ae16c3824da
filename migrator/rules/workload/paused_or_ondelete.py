"""AMB349, a controller that does not replace its pods when its template changes."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.workloads import Workload
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class PausedOrOndelete(Rule):
    """A controller does not replace its pods, or only some of them, when its template changes.

    ## Why
    A workload moves when its pods are replaced. A paused Deployment keeps the old ones, `OnDelete`
    waits for somebody to delete them, and a partition leaves those below it as they are.

    ## Fix
    Resume the rollout, use `RollingUpdate`, or set the partition to 0, before the workload moves.

    ## References
    - https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#update-strategies
    - https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
    """

    code = "AMB349"
    severity = Severity.BLOCKER
    inputs = kinds.MESHED

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for workload in mesh.meshed:
            if workload.replicas == 0:
                continue
            for path, what in _obstacles(workload):
                yield self.finding(
                    workload.resource,
                    f"{workload.ref} {what}: a restart would not replace all of its pods, and the "
                    "others keep their sidecars.",
                    fix="Resume the rollout, or let it replace every pod, before the workload moves.",
                    path=path,
                    affects=[workload],
                )


def _obstacles(workload: Workload) -> Iterator[tuple[str, str]]:
    spec = workload.resource.spec
    kind = workload.ref.group_kind
    if kind in {kinds.DEPLOYMENT, kinds.ROLLOUT} and spec.get("paused"):
        yield field("spec", "paused"), "is paused"
    if kind not in {kinds.STATEFUL_SET, kinds.DAEMON_SET}:
        return
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type") == "OnDelete":
        yield field("spec", "updateStrategy", "type"), "has the update strategy OnDelete"
        return
    partition = (strategy.get("rollingUpdate") or {}).get("partition")
    if kind == kinds.STATEFUL_SET and partition:
        path = field("spec", "updateStrategy", "rollingUpdate", "partition")
        yield path, f"updates only the pods from number {partition} on"
