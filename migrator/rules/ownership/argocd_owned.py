"""AMB701, objects that Argo CD puts back."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.ownership import Owned, argocd, changed_by_plan, concerned, grouped, named
from migrator.istio.yamltext import dig
from migrator.model.finding import Finding, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule


class ArgocdOwned(Rule):
    """An Application of Argo CD owns what the plan changes.

    ## Why
    With self-healing Argo CD takes label and template changes back within minutes; else the next sync does.

    ## Fix
    Commit the changes to the Application's repository, or pause its automated sync for the namespace.

    ## References
    - https://argo-cd.readthedocs.io/en/stable/user-guide/resource_tracking/
    - https://argo-cd.readthedocs.io/en/stable/user-guide/auto_sync/
    """

    code = "AMB701"
    severity = Severity.BLOCKER
    inputs = kinds.MESHED | {kinds.ARGO_APPLICATION}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        applications = {one.name: one for one in mesh.of(kinds.ARGO_APPLICATION)}
        owned = grouped(changed_by_plan(mesh), lambda one: argocd(one, applications))
        for found in owned.values():
            yield self._owned(mesh, found, applications.get(found.mark.owner))
        for name, application in applications.items():
            into = dig(application.spec, "destination", "namespace")
            here = [w.resource for w in mesh.meshed_in(into)] if into else []
            targets = [one for one in here if argocd(one, applications) is None]
            if name not in owned and targets:
                yield self.finding(
                    application,
                    f"Application {name} deploys into namespace {into}, where "
                    f"{named(targets)} would change; {_then(application)}.",
                    fix="Commit the plan's changes to the Application's repository, or pause its sync.",
                    path="spec.destination.namespace",
                    severity=_severity(application),
                    affects=concerned(mesh, targets),
                )

    def _owned(self, mesh: Mesh, found: Owned, application: Resource | None) -> Finding:
        return self.finding(
            found.objects[0],
            f"Application {found.mark.owner} of Argo CD owns {named(found.objects)}, which the plan changes; "
            f"{_then(application)}.",
            fix="Commit the plan's changes to the Application's repository, or pause its sync.",
            path=found.mark.path,
            severity=_severity(application),
            affects=concerned(mesh, found.objects),
        )


def _heals(application: Resource | None) -> bool:
    return application is None or bool(dig(application.spec, "syncPolicy", "automated", "selfHeal"))


def _severity(application: Resource | None) -> Severity:
    return Severity.BLOCKER if _heals(application) else Severity.WARNING


def _then(application: Resource | None) -> str:
    if application is None:
        return "whether it heals itself is not in the source"
    return (
        "it takes changes back by itself"
        if _heals(application)
        else "its next sync takes changes back"
    )
