"""AMB311, a label that keeps a workload of the mesh out of ambient."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.labels import DATAPLANE_MODE
from migrator.istio.mesh import Mesh
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class DataplaneModeNoneLeft(Rule):
    """A workload with a sidecar, or its namespace, has `istio.io/dataplane-mode: none`.

    ## Why
    On a pod template the label keeps the pods out of ambient for good: without their sidecar they are
    outside the mesh, in plain text. On a namespace it only means "not ambient" and is overwritten.

    ## Fix
    Remove the label from the template if the workload is to move; `migrate plan` leaves it out, with its
    sidecar.

    ## References
    - istio/istio cni/pkg/util/enablement_selector.go
    - istio/istio manifests/charts/istio-cni/values.yaml (`enablementSelectors`)
    """

    code = "AMB311"
    severity = Severity.WARNING
    inputs = kinds.MESHED

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for workload in mesh.meshed:
            if workload.labels.get(DATAPLANE_MODE) == "none":
                yield self.finding(
                    workload.resource,
                    f"{workload.ref} has a sidecar and {DATAPLANE_MODE}: none: without the sidecar it "
                    "is outside the mesh.",
                    fix=f"Remove {DATAPLANE_MODE} from the template before the workload moves.",
                    path=workload.path("metadata", "labels", DATAPLANE_MODE),
                    affects=[workload],
                )
        for namespace in mesh.of(kinds.NAMESPACE):
            said = namespace.labels.get(DATAPLANE_MODE)
            if said == "none" and mesh.meshed_in(namespace.name):
                yield self.finding(
                    namespace,
                    f"Namespace {namespace.name} says {DATAPLANE_MODE}: none, and its workloads are to "
                    "move; the plan sets the label to ambient.",
                    fix="Confirm that the namespace may move.",
                    path=field("metadata", "labels", DATAPLANE_MODE),
                )
