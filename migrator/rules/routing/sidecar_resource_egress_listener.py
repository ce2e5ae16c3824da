"""AMB243, a way out that only a sidecar opens."""

from collections.abc import Iterator, Mapping
from typing import Any

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class SidecarResourceEgressListener(Rule):
    """Applications send calls to a port that the sidecar opens for them, and ambient has no such port.

    ## Why
    `bind` and `captureMode: NONE` of a Sidecar's `egress`, and the mesh's `proxyHttpPort`, open a listener
    beside the application. In ambient nothing listens there: what connects to it is refused.

    ## Fix
    Let the application call the destination itself, then drop the listener.

    ## References
    - istio.io/api networking/v1alpha3/sidecar.proto (`IstioEgressListener`)
    - istio.io/api mesh/v1alpha1/config.proto (`proxy_http_port`)
    """

    code = "AMB243"
    severity = Severity.BLOCKER
    inputs = kinds.INJECTION | {kinds.SIDECAR}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        found = mesh.config.where("proxyHttpPort") if mesh.meshed else None
        port = mesh.config.get("proxyHttpPort")
        if found and port:
            yield self.finding(
                found[0],
                f"Sidecars open an HTTP proxy on port {port} for their applications "
                "(proxyHttpPort). In ambient nothing listens there.",
                fix="Let applications that use the port call their destinations themselves.",
                path=found[1],
                affects=mesh.meshed,
                callers=["ambient"],
            )
        for sidecar in mesh.of(kinds.SIDECAR):
            bound = mesh.attachments.apps_of(sidecar)
            for i, listener in enumerate(sidecar.spec.get("egress") or ()):
                if bound and _is_local(listener):
                    yield self.finding(
                        sidecar,
                        f"The sidecar listens on {_address(listener)} for calls to "
                        f"{', '.join(listener.get('hosts') or ())}. In ambient nothing listens "
                        "there.",
                        fix="Let the application call these hosts itself, and drop the listener.",
                        path=field("spec", "egress", i),
                        affects=bound,
                        callers=["ambient"],
                    )


def _is_local(listener: Mapping[str, Any]) -> bool:
    """Whether applications address it; a mere port is one of the calls that are captured anyway."""
    return bool(listener.get("bind")) or listener.get("captureMode") == "NONE"


def _address(listener: Mapping[str, Any]) -> str:
    port = (listener.get("port") or {}).get("number", "?")
    return f"{listener.get('bind') or '127.0.0.1'}:{port}"
