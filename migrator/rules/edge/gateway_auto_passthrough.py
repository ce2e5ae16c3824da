"""AMB509, an east-west gateway for sidecars."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Scope, Severity
from migrator.rules.base import Rule


class GatewayAutoPassthrough(Rule):
    """A gateway passes sidecars' mTLS on to other clusters (`AUTO_PASSTHROUGH`), which ambient does not use.

    ## Why
    The gateway tells Services apart by the server name that sidecars write into their mTLS. Ambient calls
    between clusters go by HBONE through an east-west gateway of another kind.

    ## Fix
    Keep it while sidecars call across clusters, and set up the ambient east-west gateway before they move.

    ## References
    - istio.io/api networking/v1alpha3/gateway.proto (`AUTO_PASSTHROUGH`)
    - https://istio.io/latest/docs/ambient/install/multicluster/
    """

    code = "AMB509"
    severity = Severity.WARNING
    scope = Scope.CLUSTER
    inputs = kinds.MESHED | {kinds.ISTIO_GATEWAY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for gateway in mesh.of(kinds.ISTIO_GATEWAY) if mesh.meshed else ():
            for i, server in enumerate(gateway.spec.get("servers") or ()):
                if (server.get("tls") or {}).get("mode") == "AUTO_PASSTHROUGH":
                    port = (server.get("port") or {}).get("number", "?")
                    yield self.finding(
                        gateway,
                        f"Port {port} passes on the mTLS of sidecars in other clusters. Ambient "
                        "callers do not use it.",
                        fix="Set up an east-west gateway for ambient before callers across clusters move.",
                        path=field("spec", "servers", i, "tls", "mode"),
                        callers=["sidecar"],
                    )
