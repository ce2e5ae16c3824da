"""AMB240, machines that may join by themselves."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.finding import Finding, Scope, Severity
from migrator.rules.base import Rule


class WorkloadgroupVm(Rule):
    """Machines outside the cluster may join the mesh by a WorkloadGroup, which ambient does not support.

    ## Why
    A machine that registers becomes a member with a sidecar of its own. As a caller it goes past every
    waypoint; as a server it is reached in plaintext unless its proxy can receive HBONE. Istio's migration
    guide calls it a blocker.

    ## Fix
    Move the machines' work into the cluster, or call them as external services through a gateway; delete
    the WorkloadGroup if nothing registers with it any more.

    ## References
    - https://istio.io/latest/docs/ambient/migrate/before-you-begin/
    - istio.io/api networking/v1alpha3/workload_group.proto
    """

    code = "AMB240"
    severity = Severity.BLOCKER
    scope = Scope.CLUSTER
    inputs = kinds.INJECTION | {kinds.WORKLOAD_GROUP}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for group in mesh.of(kinds.WORKLOAD_GROUP) if mesh.meshed else ():
            template = group.spec.get("template") or {}
            account = template.get("serviceAccount")
            as_whom = f" as {account}" if account else ""
            yield self.finding(
                group,
                f"Machines outside the cluster may join namespace {group.namespace}{as_whom}. "
                "Ambient does not support such machines: they keep their sidecars and go past "
                "every waypoint.",
                fix="Move their work into the cluster, or reach them through a gateway; delete "
                "the group if nothing registers with it.",
                path="spec.template" if template else "",
                callers=["sidecar"],
            )
