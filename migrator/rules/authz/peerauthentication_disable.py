"""AMB123, mTLS turned off."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule


class PeerauthenticationDisable(Rule):
    """A PeerAuthentication turns mTLS off, and ztunnel takes that for PERMISSIVE.

    ## Why
    ztunnel treats DISABLE as "not strict": plain text is accepted, and callers of the mesh still come by
    mTLS. That is harmless unless something relied on their plain text, such as TLS of its own.

    ## Fix
    Find out why it was turned off. If the workload must not be reached through the mesh at all, give it
    `ambient.istio.io/bypass-inbound-capture: "true"`; else remove the setting after the migration.

    ## References
    - istio/istio pilot/pkg/serviceregistry/ambient/authorization.go (`convertPeerAuthentication`)
    - https://istio.io/latest/docs/ambient/migrate/
    """

    code = "AMB123"
    severity = Severity.WARNING
    inputs = kinds.INJECTION | {kinds.PEER_AUTHENTICATION}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for policy in mesh.of(kinds.PEER_AUTHENTICATION):
            apps = mesh.attachments.apps_of(policy)
            for path, what in _disabled(policy) if apps else ():
                yield self.finding(
                    policy,
                    f"mTLS is turned off for {what}. In ambient that reads as PERMISSIVE: plain text is "
                    "accepted, and callers of the mesh come by mTLS nevertheless.",
                    fix="Find out what relied on plain text; if it must stay out of the mesh, set "
                    'ambient.istio.io/bypass-inbound-capture: "true" on its pods.',
                    path=path,
                    affects=apps,
                )


def _disabled(policy: Resource) -> Iterator[tuple[str, str]]:
    if (policy.spec.get("mtls") or {}).get("mode") == "DISABLE":
        yield field("spec", "mtls", "mode"), "all ports"
    for port, setting in (policy.spec.get("portLevelMtls") or {}).items():
        if (setting or {}).get("mode") == "DISABLE":
            yield field("spec", "portLevelMtls", str(port), "mode"), f"port {port}"
