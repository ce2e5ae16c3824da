"""AMB223, mutual TLS asked for."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.policies.clientpolicy import uses
from migrator.istio.traffic.destinationrules import listed, meshed_services
from migrator.istio.traffic.virtualservices import apps
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule


class DestinationruleTlsIstioMutual(Rule):
    """A DestinationRule asks for Istio's mutual TLS, which ambient does without being asked.

    ## Why
    ztunnel always uses mTLS between pods of the mesh, so the setting says nothing to it. Callers that still
    have a sidecar need it as before.

    ## Fix
    Keep it while callers have sidecars, then delete it.

    ## References
    - istio/istio pilot/pkg/networking/core/cluster_waypoint.go (`buildWaypointTLSContext`)
    - istio/istio pilot/pkg/networking/core/cluster_tls.go
    """

    code = "AMB223"
    severity = Severity.INFO
    remedy = Remedy.NONE
    inputs = kinds.INJECTION | {kinds.DESTINATION_RULE, kinds.SERVICE}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for rule in mesh.of(kinds.DESTINATION_RULE):
            hosts = listed(s.host for s in meshed_services(mesh, rule))
            found = [
                tls
                for tls in uses(rule, "tls")
                if tls.value.get("mode", "DISABLE") == "ISTIO_MUTUAL"
            ]
            if hosts and found:
                yield self.finding(
                    rule,
                    f"tls mode ISTIO_MUTUAL says to callers of {hosts} what ambient does by "
                    "itself.",
                    fix="Keep it until the last caller with a sidecar has moved, then delete it.",
                    path=found[0].path,
                    affects=apps(mesh, meshed_services(mesh, rule)),
                    callers=["ambient"],
                )
