"""AMB301, pods outside the mesh that the namespace's label would take in."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.labels import AMBIENT, DATAPLANE_MODE
from migrator.istio.mesh import Mesh
from migrator.istio.platform import OS_LABEL
from migrator.istio.pods import dataplane
from migrator.istio.workloads import Role, Workload
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule


class UninjectedPodsCaptured(Rule):
    """A workload without sidecar stands in a namespace that is to be labelled for ambient.

    ## Why
    The namespace's label captures running pods at once, without a restart. Connections that are open
    stay outside ztunnel or break; new ones pass it, policies and STRICT mTLS act on them from then on.

    ## Fix
    Decide for each whether it belongs into the mesh. `migrate plan` keeps it out: it labels template
    and pods with `istio.io/dataplane-mode: none` before it labels the namespace.

    ## References
    - istio/istio cni/pkg/util/enablement_selector.go
    - istio/istio cni/pkg/nodeagent/informers.go
    """

    code = "AMB301"
    severity = Severity.BLOCKER
    remedy = Remedy.AUTOMATIC
    inputs = kinds.MESHED

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for workload in mesh.workloads:
            if not mesh.meshed_in(workload.namespace) or not _captured(mesh, workload):
                continue
            state = mesh.state(workload)
            seen = "Its running pods have" if state.seen else "Its pods get"
            yield self.finding(
                workload.resource,
                f"{workload.ref} is outside the mesh ({state.detail}). {seen} no sidecar, and the label "
                f"{DATAPLANE_MODE}: {AMBIENT} on namespace {workload.namespace} captures them at once.",
                fix=f"Keep it out with {DATAPLANE_MODE}: none on its template and pods, as the plan "
                "does, or decide that it joins the mesh.",
                path=workload.path("metadata"),
                affects=[workload],
            )


def _captured(mesh: Mesh, workload: Workload) -> bool:
    if workload.role is not Role.APP or mesh.state(workload).mode is not dataplane.Mode.NONE:
        return False
    if (workload.pod_spec.get("nodeSelector") or {}).get(OS_LABEL) == "windows":
        return False
    namespace = mesh.namespace(workload.namespace)
    labelled = {**namespace.labels, DATAPLANE_MODE: AMBIENT}
    return dataplane.eligible(workload, namespace.name, labelled, mesh.cni)
