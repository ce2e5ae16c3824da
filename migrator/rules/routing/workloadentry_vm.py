"""AMB239, machines outside the cluster."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.finding import Finding, Scope, Severity
from migrator.rules.base import Rule


class WorkloadentryVm(Rule):
    """A machine outside the cluster is a member of the mesh, which ambient does not support.

    ## Why
    The machine keeps its sidecar. As a caller it goes past every waypoint; as a server it is reached in
    plaintext unless its proxy can receive HBONE. Istio's migration guide calls it a blocker.

    ## Fix
    Move the machine's work into the cluster, or call it as an external service through a gateway. Who
    accepts a machine that is only a client of servers without HTTP-level policy can acknowledge this.

    ## References
    - https://istio.io/latest/docs/ambient/migrate/before-you-begin/
    - istio/istio pilot/pkg/serviceregistry/ambient/workloads.go
    """

    code = "AMB239"
    severity = Severity.BLOCKER
    scope = Scope.CLUSTER
    inputs = kinds.INJECTION | {kinds.WORKLOAD_ENTRY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        if not mesh.meshed:
            return
        for entry in mesh.of(kinds.WORKLOAD_ENTRY):
            address = entry.spec.get("address", "without address")
            account = entry.spec.get("serviceAccount", "")
            as_whom = f" as {account}" if account else ""
            yield self.finding(
                entry,
                f"{address} is a member of the mesh{as_whom}, outside the cluster. Ambient does "
                "not support such machines: it keeps its sidecar and goes past every waypoint.",
                fix="Move its work into the cluster, or reach it through a gateway as an external service.",
                path="spec.address" if entry.spec.get("address") else "",
                callers=["sidecar"],
            )
