"""AMB242, listeners that only a sidecar opens."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class SidecarResourceIngress(Rule):
    """A Sidecar resource opens ports for its workloads (`ingress`), and ambient has no such listener.

    ## Why
    The sidecar listens on the port and forwards to another port, to localhost or to a Unix socket. In
    ambient connections arrive at the pod's own port: where nothing listens they are refused.

    ## Fix
    Let the application listen on the port itself, on the pod's address, or change the Service's
    `targetPort`; then drop `ingress`.

    ## References
    - istio.io/api networking/v1alpha3/sidecar.proto (`IstioIngressListener`)
    - istio/ztunnel ARCHITECTURE.md
    """

    code = "AMB242"
    severity = Severity.BLOCKER
    inputs = kinds.INJECTION | {kinds.SIDECAR}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for sidecar in mesh.of(kinds.SIDECAR):
            workloads = mesh.attachments.apps_of(sidecar)
            for i, listener in enumerate(sidecar.spec.get("ingress") or ()):
                if not workloads:
                    continue
                port = (listener.get("port") or {}).get("number", "?")
                target = listener.get("defaultEndpoint") or "the application's own listener"
                yield self.finding(
                    sidecar,
                    f"The sidecar listens on {port} and forwards to {target}. In ambient "
                    f"connections to {port} reach the pod itself.",
                    fix=f"Let the application listen on {port} of the pod's address, or change the "
                    "Service's targetPort, and drop the listener.",
                    path=field("spec", "ingress", i),
                    affects=workloads,
                    callers=["sidecar", "ambient", "gateway", "outside"],
                )
