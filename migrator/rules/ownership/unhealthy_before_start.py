"""AMB711, a workload that is not well before anything has changed."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.platform import is_from_cluster
from migrator.model.finding import Finding, Scope, Severity
from migrator.rules.base import Rule

_COUNTED = frozenset({kinds.DEPLOYMENT, kinds.STATEFUL_SET, kinds.REPLICA_SET, kinds.ROLLOUT})


class UnhealthyBeforeStart(Rule):
    """Pods of a workload are not ready before the migration has begun.

    ## Why
    Every step waits for pods to be ready and takes a failure for its own. A workload that fails today
    stops its wave, and afterwards nobody can tell what the migration has broken.

    ## Fix
    Mend the workload, or leave its namespace out of the plan.

    ## References
    - https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-conditions
    """

    code = "AMB711"
    severity = Severity.BLOCKER
    scope = Scope.NAMESPACE
    inputs = kinds.MESHED

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for workload in mesh.meshed:
            resource, wanted = workload.resource, workload.replicas
            counted = resource.ref.group_kind in _COUNTED and is_from_cluster(resource)
            ready = resource.status.get("readyReplicas", 0)
            if counted and wanted and ready < wanted:
                yield self.finding(
                    resource,
                    f"{ready} of {wanted} pods of {workload.ref} are ready, before anything has changed.",
                    fix="Mend it first, or leave its namespace out of the plan.",
                    path="status",
                    affects=[workload],
                )
