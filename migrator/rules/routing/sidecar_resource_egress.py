"""AMB241, what a workload may see."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Remedy, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule

_EVERYTHING = "*/*"


class SidecarResourceEgress(Rule):
    """A Sidecar resource lists the hosts that its workloads may see, and ambient has no such list.

    ## Why
    The list keeps the sidecar's configuration small; ztunnel needs none for that. With `REGISTRY_ONLY` it is
    a fence as well: calls to hosts that are not listed are refused today, and let through in ambient.

    ## Fix
    Delete it with the last sidecar. Where it is a fence, close the way with a NetworkPolicy, or with an
    AuthorizationPolicy at the destination, first.

    ## References
    - istio/istio pkg/config/analysis/msg/messages.yaml (IST0167)
    - istio.io/api networking/v1alpha3/sidecar.proto
    """

    code = "AMB241"
    severity = Severity.INFO
    remedy = Remedy.NONE
    inputs = kinds.INJECTION | {kinds.SIDECAR}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for sidecar in mesh.of(kinds.SIDECAR):
            hosts = [h for one in sidecar.spec.get("egress") or () for h in one.get("hosts") or ()]
            bound = mesh.attachments.apps_of(sidecar)
            if not bound or not hosts or _EVERYTHING in hosts:
                continue
            fence = _mode(mesh, sidecar) == "REGISTRY_ONLY"
            yield self.finding(
                sidecar,
                f"It lets its workloads see {', '.join(hosts)}."
                + (
                    " With REGISTRY_ONLY all other calls are refused; ztunnel lets them through."
                    if fence
                    else " Ambient pods see all Services, and need no such list."
                ),
                fix="Close the other ways with a NetworkPolicy, or an AuthorizationPolicy at the "
                "destinations, first."
                if fence
                else "Delete it with the last sidecar.",
                path=field("spec", "egress"),
                severity=Severity.BLOCKER if fence else Severity.INFO,
                remedy=Remedy.MANUAL if fence else Remedy.NONE,
                affects=bound,
                callers=["ambient"] if fence else [],
            )


def _mode(mesh: Mesh, sidecar: Resource) -> str:
    """The Sidecar's own outbound mode replaces the mesh's."""
    own = (sidecar.spec.get("outboundTrafficPolicy") or {}).get("mode")
    return str(own or mesh.config.get("outboundTrafficPolicy", "mode") or "ALLOW_ANY")
