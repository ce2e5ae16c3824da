"""AMB704, workloads that an operator writes."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.ownership import operator
from migrator.istio.workloads import Workload
from migrator.model.finding import Finding, Severity
from migrator.model.resource import Ref
from migrator.rules.base import Rule


class OperatorOwned(Rule):
    """An operator makes the workload from a custom resource of its own.

    ## Why
    The operator compares the workload with what it would make, and takes a change of the pod template
    back, often at once.

    ## Fix
    Set the pod labels in the custom resource, where most operators have a field for them.

    ## References
    - https://kubernetes.io/docs/concepts/overview/working-with-objects/owners-dependents/
    """

    code = "AMB704"
    severity = Severity.BLOCKER
    inputs = kinds.MESHED

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for workload in mesh.meshed:
            if owner := _owner(workload):
                yield self.finding(
                    workload.resource,
                    f"{owner} makes {workload.ref}: its operator takes changes of the template back."
                    if owner != workload.ref
                    else f"An operator makes the pods of {owner}: there is no template to change.",
                    fix=f"Set the pod labels in {owner}.",
                    path="metadata.ownerReferences",
                    affects=[workload],
                )


def _owner(workload: Workload) -> Ref | None:
    known = {*kinds.CONTROLLERS, kinds.POD}
    if workload.ref.group_kind not in known:
        return workload.ref
    return operator(workload.resource)
