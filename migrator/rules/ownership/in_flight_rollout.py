"""AMB708, a rollout that is not over."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.platform import is_from_cluster
from migrator.istio.workloads import Workload
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class InFlightRollout(Rule):
    """A workload is in the middle of a rollout.

    ## Why
    A restart on top of an unfinished rollout mixes two changes: when pods fail, nobody can tell which of
    them is the cause, and taking one back takes back both.

    ## Fix
    Wait until the rollout has ended, then read the cluster again.

    ## References
    - https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#deployment-status
    """

    code = "AMB708"
    severity = Severity.BLOCKER
    inputs = kinds.MESHED

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for workload in mesh.meshed:
            if is_from_cluster(workload.resource) and (why := _in_flight(workload)):
                yield self.finding(
                    workload.resource,
                    f"A rollout of {workload.ref} is under way: {why}.",
                    fix="Wait for its end, then check again.",
                    path="status",
                    affects=[workload],
                )


def _in_flight(workload: Workload) -> str:
    resource = workload.resource
    generation, seen = (
        resource.metadata.get("generation"),
        resource.status.get("observedGeneration"),
    )
    if isinstance(generation, int) and isinstance(seen, int) and seen < generation:
        return f"its controller has seen generation {seen} of {generation}"
    updated, wanted = resource.status.get("updatedReplicas"), workload.replicas
    rolls = resource.ref.group_kind in {kinds.DEPLOYMENT, kinds.ROLLOUT}
    if rolls and wanted and isinstance(updated, int) and updated < wanted:
        return f"{updated} of {wanted} pods have the new template"
    return ""
