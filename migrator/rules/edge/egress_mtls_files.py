"""AMB512, certificates that are in the sidecar."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.policies.clientpolicy import uses
from migrator.istio.traffic.destinationrules import meshed_services
from migrator.istio.traffic.egress import entries_of
from migrator.istio.traffic.routing import destinations
from migrator.istio.traffic.virtualservices import apps
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule

_FILES = ("clientCertificate", "privateKey", "caCertificates")
_IN_IMAGE = "/etc/ssl/certs/ca-certificates.crt"  # the system's authorities: in every proxy image


class EgressMtlsFiles(Rule):
    """Sidecars use certificate files of their own for TLS to a host; without sidecar the files are gone.

    ## Why
    The paths of a DestinationRule are paths in the proxy. ztunnel originates no TLS, and a waypoint has none
    of the files that were mounted into sidecars; of its image it has the system's authorities.

    ## Fix
    Put the certificate into a Secret that the waypoint may read, and name it by `credentialName`.

    ## References
    - istio.io/api networking/v1alpha3/destination_rule.proto (`ClientTLSSettings`)
    - istio/istio pilot/pkg/networking/core/cluster_waypoint.go (`buildWaypointTLSContext`)
    """

    code = "AMB512"
    severity = Severity.BLOCKER
    inputs = kinds.MESHED | {
        kinds.DESTINATION_RULE,
        kinds.SERVICE,
        kinds.SERVICE_ENTRY,
        kinds.VIRTUAL_SERVICE,
    }

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        by_gateways = {
            one.host for vs in mesh.routing.gateway_virtual_services for one in destinations(vs)
        }
        for rule in mesh.of(kinds.DESTINATION_RULE) if mesh.meshed else ():
            host = rule.spec.get("host", "")
            services, entries = meshed_services(mesh, rule), entries_of(mesh, host)
            if not (services or entries) or (entries and host in by_gateways):
                continue
            for tls in uses(rule, "tls"):
                named = [key for key in _FILES if _is_mounted(str(tls.value.get(key) or ""))]
                if not named or tls.value.get("mode") not in {"SIMPLE", "MUTUAL"}:
                    continue
                said = ", ".join(f"{key} {tls.value[key]}" for key in named)
                yield self.finding(
                    rule,
                    f"TLS to {host} uses files of the sidecar: {said}. Neither ztunnel nor a "
                    "waypoint has them.",
                    fix="Put them into a Secret that the waypoint may read, and name it by credentialName.",
                    path=f"{tls.path}.{named[0]}",
                    affects=apps(mesh, services) or entries,
                    callers=["ambient"],
                )


def _is_mounted(path: str) -> bool:
    return path.startswith("/") and path != _IN_IMAGE
