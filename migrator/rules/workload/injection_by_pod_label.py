"""AMB303, injection that does not hang on the namespace."""

from collections.abc import Iterator

from migrator.istio import kinds, labels
from migrator.istio.mesh import Mesh
from migrator.istio.workloads import Role, Workload
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule

_LABELS = frozenset({labels.INJECT, labels.REVISION})
_FIXED_TEMPLATE = frozenset({kinds.JOB, kinds.POD})


class InjectionByPodLabel(Rule):
    """The pod template itself asks for a sidecar, whatever its namespace says.

    ## Why
    The webhook's object clauses inject such pods in namespaces without any label too. When the
    namespace's label is gone the workload still gets a sidecar, and istio-cni leaves it alone.

    ## Fix
    `migrate plan` changes the label of the template when it moves the workload. Where Git or Helm owns
    the template, change it there.

    ## References
    - istio/istio manifests/charts/istio-control/istio-discovery/templates/mutatingwebhook.yaml
    - https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/
    """

    code = "AMB303"
    severity = Severity.BLOCKER
    remedy = Remedy.AUTOMATIC
    inputs = kinds.MESHED

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for workload in mesh.workloads:
            if workload.role is not Role.APP or not _LABELS & workload.labels.keys():
                continue
            if not mesh.injection(workload).injected:
                continue
            after = mesh.injection_after_labels(workload)
            if after.injected and after.decided_by == "pod-label":
                yield self._stays(workload)

    def _stays(self, workload: Workload) -> Finding:
        asked = workload.labels.get(labels.INJECT) == "true"
        key = labels.INJECT if asked else labels.REVISION
        fixed = workload.ref.group_kind in _FIXED_TEMPLATE
        return self.finding(
            workload.resource,
            f'The template of {workload.ref} has {key}: "{workload.labels[key]}": it gets a sidecar '
            f"with or without a label on namespace {workload.namespace}.",
            fix=f"Make the {workload.ref.kind} anew without {key}."
            if fixed
            else f"Remove {key} from the template, as the plan does when it moves the workload.",
            path=workload.path("metadata", "labels", key),
            remedy=Remedy.MANUAL if fixed else Remedy.AUTOMATIC,
            affects=[workload],
        )
