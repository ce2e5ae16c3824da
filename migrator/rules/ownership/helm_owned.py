"""AMB703, objects that the next upgrade of a chart puts back."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.ownership import argocd, changed_by_plan, concerned, flux, grouped, helm, named
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class HelmOwned(Rule):
    """A Helm release owns what the plan changes.

    ## Why
    The next `helm upgrade` of the release renders the old labels again: a sidecar comes back, or a
    workload drops out of the mesh.

    ## Fix
    Set the same labels in the values of the chart before its next upgrade.

    ## References
    - https://helm.sh/docs/chart_best_practices/labels/
    """

    code = "AMB703"
    severity = Severity.WARNING
    inputs = kinds.MESHED | {kinds.ARGO_APPLICATION}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        applications = {one.name: one for one in mesh.of(kinds.ARGO_APPLICATION)}
        by_hand = [
            one
            for one in changed_by_plan(mesh)
            if argocd(one, applications) is None and flux(one) is None
        ]
        for owner, found in grouped(by_hand, helm).items():
            yield self.finding(
                found.objects[0],
                f"Helm release {owner} owns {named(found.objects)}, which the plan changes; its "
                "next upgrade takes the changes back.",
                fix="Put the plan's labels into the values of the release before its next upgrade.",
                path=found.mark.path,
                affects=concerned(mesh, found.objects),
            )
