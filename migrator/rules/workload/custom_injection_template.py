"""AMB326, a pod that is injected with more than the stock sidecar."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.pods.sidecar_settings import STOCK_TEMPLATES, TEMPLATES, templates
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class CustomInjectionTemplate(Rule):
    """A pod template asks for an injection template of the mesh's own.

    ## Why
    Injection ends with the move to ambient. Volumes, containers and variables that the template adds
    to the pod are gone with the sidecar.

    ## Fix
    Compare the template in the ConfigMap `istio-sidecar-injector`, and put what the application needs
    into the workload's own manifest.

    ## References
    - istio/istio pkg/kube/inject/inject.go (`RunTemplate`)
    - https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/
    """

    code = "AMB326"
    severity = Severity.WARNING
    inputs = kinds.MESHED

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for workload in mesh.meshed:
            own = [name for name in templates(workload) if name not in STOCK_TEMPLATES]
            if own:
                yield self.finding(
                    workload.resource,
                    f"{workload.ref} is injected with the template {', '.join(own)}; what it adds to "
                    "the pod is gone in ambient.",
                    fix="Put what the application needs of the template into its own manifest.",
                    path=workload.path("metadata", "annotations", TEMPLATES),
                    affects=[workload],
                )
