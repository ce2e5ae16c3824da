"""Workloads whose owners keep them out of ambient by a label of their own: they keep their sidecar."""

from migrator.istio import labels as names
from migrator.istio.workloads import Workload
from migrator.planner.plan import Exclusion
from migrator.steps import Target


def keeps_out(workload: Workload) -> bool:
    """Whether istio-cni leaves its pods alone, whatever the namespace says (AMB311).

    istio/istio cni/pkg/util/enablement_selector.go, and manifests/charts/istio-cni/values.yaml.
    """
    return workload.labels.get(names.DATAPLANE_MODE) == "none"


def kept_out(workload: Workload) -> Exclusion:
    """Without its sidecar it would be outside the mesh, in plain text; the label is somebody's wish."""
    return Exclusion(
        target=Target.of(workload.ref),
        reason=f"AMB311 dataplane-mode-none-left: Its template has {names.DATAPLANE_MODE}: none, so its "
        "pods would have neither a sidecar nor ambient. It keeps its sidecar.",
        rules=("AMB311",),
        fix=f"Remove {names.DATAPLANE_MODE} from the template if it is to move, and plan again.",
    )
