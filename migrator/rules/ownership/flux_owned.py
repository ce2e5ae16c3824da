"""AMB702, objects that Flux puts back."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.ownership import changed_by_plan, concerned, flux, grouped, named
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class FluxOwned(Rule):
    """A Kustomization or HelmRelease of Flux owns what the plan changes.

    ## Why
    Flux applies its source again at every interval, and takes labels and template changes back in the
    middle of the migration.

    ## Fix
    Commit the changes to the source, or suspend the Kustomization or HelmRelease for the migration.

    ## References
    - https://fluxcd.io/flux/components/kustomize/kustomizations/#controlling-the-apply-behavior-of-resources
    - https://fluxcd.io/flux/components/helm/helmreleases/#drift-detection
    """

    code = "AMB702"
    severity = Severity.BLOCKER
    inputs = kinds.MESHED

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for owner, found in grouped(changed_by_plan(mesh), flux).items():
            yield self.finding(
                found.objects[0],
                f"Flux applies {named(found.objects)} from {owner}. The plan changes them, and Flux "
                "takes the changes back.",
                fix=f"Commit the plan's changes to the source of {owner}, or suspend it.",
                path=found.mark.path,
                affects=concerned(mesh, found.objects),
            )
