"""AMB244, an outbound fence that ztunnel has not."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule

_MODE = "REGISTRY_ONLY"


class RegistryOnly(Rule):
    """Calls to unknown hosts are refused by sidecars (`REGISTRY_ONLY`); ztunnel lets them through.

    ## Why
    `outboundTrafficPolicy` is a setting of sidecars. ztunnel passes connections to addresses that it does
    not know, so what was refused before leaves the cluster.

    ## Fix
    Close the way out with NetworkPolicies, or lead it through an egress waypoint or gateway, before the
    first workload moves.

    ## References
    - istio.io/api mesh/v1alpha1/config.proto (`OutboundTrafficPolicy`)
    - istio/ztunnel ARCHITECTURE.md (passthrough)
    """

    code = "AMB244"
    severity = Severity.BLOCKER
    inputs = kinds.INJECTION | {kinds.SIDECAR}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        if not mesh.meshed:
            return
        for source, path, mode in _settings(mesh):
            if mode != _MODE:
                continue
            bound = (
                mesh.attachments.apps_of(source)
                if source.ref.group_kind == kinds.SIDECAR
                else mesh.meshed
            )
            if bound:
                yield self.finding(
                    source,
                    "outboundTrafficPolicy is REGISTRY_ONLY: sidecars refuse calls to hosts that "
                    "no Service or ServiceEntry names. ztunnel passes them through.",
                    fix="Close the way out with a NetworkPolicy, or an egress waypoint or gateway, first.",
                    path=path,
                    affects=bound,
                    callers=["ambient"],
                )


def _settings(mesh: Mesh) -> Iterator[tuple[Resource, str, str | None]]:
    of_mesh = mesh.config.where("outboundTrafficPolicy", "mode")
    if of_mesh is not None:
        yield *of_mesh, mesh.config.get("outboundTrafficPolicy", "mode")
    for sidecar in mesh.of(kinds.SIDECAR):
        policy = sidecar.spec.get("outboundTrafficPolicy") or {}
        yield sidecar, field("spec", "outboundTrafficPolicy", "mode"), policy.get("mode")
