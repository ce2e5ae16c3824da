"""AMB344, an application that only its sidecar can reach."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class AppBindsLocalhostOnly(Rule):
    """The mesh delivers to an application at 127.0.0.1, where ztunnel does not deliver.

    ## Why
    ztunnel hands connections to the pod's address. An application that listens on 127.0.0.1 alone, and
    was reached there by its sidecar, refuses them.

    ## Fix
    Let the application listen on 0.0.0.0 (or ::) before the workload moves.

    ## References
    - istio/api networking/v1alpha3/sidecar.proto (`default_endpoint`)
    - istio/api mesh/v1alpha1/config.proto (`InboundTrafficPolicy`)
    - istio/ztunnel ARCHITECTURE.md
    """

    code = "AMB344"
    severity = Severity.BLOCKER
    inputs = kinds.INJECTION | {kinds.SIDECAR}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        if mesh.meshed and mesh.config.get("inboundTrafficPolicy", "mode") == "LOCALHOST":
            resource, path = mesh.config.sources[-1]
            yield self.finding(
                resource,
                "The mesh's inboundTrafficPolicy is LOCALHOST: sidecars deliver to 127.0.0.1; ztunnel "
                "delivers to the pod's own address, where listeners on localhost refuse.",
                fix="Let every application listen on all addresses before it moves.",
                path=path,
                affects=mesh.meshed,
            )
        for sidecar in mesh.of(kinds.SIDECAR):
            apps = mesh.attachments.apps_of(sidecar)
            for i, listener in enumerate(sidecar.spec.get("ingress") or ()):
                endpoint = listener.get("defaultEndpoint") or ""
                if apps and endpoint.startswith(("127.0.0.1:", "[::1]:")):
                    yield self.finding(
                        sidecar,
                        f"{sidecar.ref} delivers to {endpoint}; ztunnel delivers to the pod's own "
                        "address, where an application that listens on localhost refuses.",
                        fix="Let the application listen on all addresses before the workload moves.",
                        path=field("spec", "ingress", i, "defaultEndpoint"),
                        affects=apps,
                    )
