"""AMB346, a Job whose pods have a sidecar."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.workloads import Workload
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule

_ENDED = frozenset({"Complete", "Failed"})


class JobWithSidecar(Rule):
    """A Job or CronJob runs with sidecars, and cannot be restarted to lose them.

    ## Why
    A running Job keeps its sidecar until it ends; what starts later is ambient. Until then the mesh
    holds a caller with a sidecar, which does not use waypoints.

    ## Fix
    `migrate plan` waits for running Jobs and never restarts one; a CronJob moves with its next run. A
    rollback waits for those that began as ambient.

    ## References
    - istio/istio cni/pkg/util/podutil.go (a pod with a sidecar is never enrolled)
    - https://kubernetes.io/docs/concepts/workloads/controllers/job/
    """

    code = "AMB346"
    severity = Severity.WARNING
    remedy = Remedy.AUTOMATIC
    inputs = kinds.MESHED

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for workload in mesh.meshed:
            kind = workload.ref.group_kind
            if kind == kinds.CRON_JOB:
                then = "its next run is ambient; runs that have begun keep their sidecars"
            elif kind == kinds.JOB and not _has_ended(workload):
                then = "it keeps its sidecar until it ends"
            else:
                continue
            yield self.finding(
                workload.resource,
                f"{workload.ref} runs with a sidecar: {then}.",
                fix="Wait for running Jobs before their servers' policies move to waypoints.",
                affects=[workload],
            )


def _has_ended(workload: Workload) -> bool:
    conditions = workload.resource.status.get("conditions") or ()
    return any(c.get("type") in _ENDED and c.get("status") == "True" for c in conditions)
