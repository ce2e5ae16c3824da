"""AMB348, a workload that is away while it restarts."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.workloads import Workload
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class SingleReplica(Rule):
    """A workload has one replica, and no second one may start before the first has ended.

    ## Why
    A workload moves by a restart. For this one nobody answers from the end of the old pod until the
    new one is ready; that is so with every restart of it, not only with ambient's.

    ## Fix
    Let a second pod start first (`RollingUpdate` with `maxSurge`), add a replica, or plan a window.

    ## References
    - https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#strategy
    """

    code = "AMB348"
    severity = Severity.WARNING
    inputs = kinds.MESHED | kinds.SERVICES

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for workload in mesh.meshed:
            path = _no_second_pod(workload)
            if workload.replicas == 1 and path and mesh.services.of_workload(workload):
                yield self.finding(
                    workload.resource,
                    f"{workload.ref} has one replica, which ends before the next one starts: its "
                    "restart interrupts it.",
                    fix="Let a second pod start first, or plan a window for its restart.",
                    path=path,
                    affects=[workload],
                )


def _no_second_pod(workload: Workload) -> str:
    """Where the manifest says that no pod starts beside the old one; empty where one may."""
    spec = workload.resource.spec
    if workload.ref.group_kind == kinds.STATEFUL_SET:
        return field("spec", "replicas") if "replicas" in spec else field("spec")
    strategy = spec.get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return field("spec", "strategy", "type")
    surge = (strategy.get("rollingUpdate") or {}).get("maxSurge")
    return field("spec", "strategy", "rollingUpdate", "maxSurge") if surge in {0, "0%"} else ""
