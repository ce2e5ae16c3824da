"""AMB307, a revision that nobody answers to."""

from collections.abc import Iterator

from migrator.istio import kinds, labels
from migrator.istio.mesh import Mesh
from migrator.istio.workloads import Role
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Scope, Severity
from migrator.rules.base import Rule


class DanglingRevision(Rule):
    """The label `istio.io/rev` names neither a revision nor a tag.

    ## Why
    No webhook injects such pods today, so that they are outside the mesh already. Since 1.27 istiod also
    leaves the namespace's configuration out of what it tells ztunnel.

    ## Fix
    Correct the label, or remove it, before the namespace is part of a plan.

    ## References
    - istio/istio releasenotes/notes/56477.yaml
    - istio/istio manifests/charts/istio-control/istio-discovery/templates/mutatingwebhook.yaml
    """

    code = "AMB307"
    severity = Severity.BLOCKER
    scope = Scope.NAMESPACE
    inputs = kinds.MESHED

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        if mesh.webhooks.assumed:
            return
        for namespace in mesh.of(kinds.NAMESPACE):
            name = namespace.labels.get(labels.REVISION)
            if name and labels.INJECTION not in namespace.labels and not _known(mesh, name):
                yield self.finding(
                    namespace,
                    f"Namespace {namespace.name} follows revision {name}, and no webhook answers to it.",
                    fix="Name a revision or a tag that exists, or remove the label.",
                    path=field("metadata", "labels", labels.REVISION),
                    affects=mesh.workloads_in(namespace.name),
                )
        for workload in mesh.workloads:
            name = workload.labels.get(labels.REVISION)
            above = mesh.namespace(workload.namespace).labels
            decides = not {labels.INJECTION, labels.REVISION} & set(above)
            wanted = workload.labels.get(labels.INJECT) != "false" and workload.role is Role.APP
            if name and decides and wanted and not _known(mesh, name):
                yield self.finding(
                    workload.resource,
                    f"{workload.ref} follows revision {name}, and no webhook answers to it.",
                    fix="Name a revision or a tag that exists, or remove the label.",
                    path=workload.path("metadata", "labels", labels.REVISION),
                    affects=[workload],
                )


def _known(mesh: Mesh, name: str) -> bool:
    planes = {plane.revision for plane in mesh.control_planes}
    return name in planes or mesh.webhooks.revision_of(name) is not None
