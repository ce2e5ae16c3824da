"""AMB222, TLS switched off by the client."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.policies.clientpolicy import uses
from migrator.istio.traffic.destinationrules import listed, meshed_services
from migrator.istio.traffic.virtualservices import apps
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule


class DestinationruleTlsDisable(Rule):
    """A DestinationRule switches mutual TLS off for a Service of the mesh, which has no effect in ambient.

    ## Why
    ztunnel uses HBONE wherever the other side can, and asks no DestinationRule. What was plaintext becomes
    encrypted, and carries the caller's identity. Policies that admit identities let such callers in from then
    on; `migrate plan` says which calls that opens.

    ## Fix
    Delete the setting once no caller has a sidecar.

    ## References
    - istio/istio pilot/pkg/networking/core/cluster_tls.go
    - istio/ztunnel ARCHITECTURE.md
    """

    code = "AMB222"
    severity = Severity.INFO
    remedy = Remedy.NONE
    inputs = kinds.INJECTION | {kinds.DESTINATION_RULE, kinds.SERVICE}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for rule in mesh.of(kinds.DESTINATION_RULE):
            hosts = listed(s.host for s in meshed_services(mesh, rule))
            found = [
                tls for tls in uses(rule, "tls") if tls.value.get("mode", "DISABLE") == "DISABLE"
            ]
            if hosts and found:
                yield self.finding(
                    rule,
                    f"tls mode DISABLE asks callers of {hosts} for plaintext. ztunnel does not "
                    "read it and uses mTLS.",
                    fix="Delete it when the last caller with a sidecar has moved.",
                    path=found[0].path,
                    affects=apps(mesh, meshed_services(mesh, rule)),
                    callers=["ambient"],
                )
