"""AMB603, ports that the mesh does not carry."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.virtualservices import apps, is_meshed
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule

_DNS = 53


class UdpOrSctpPort(Rule):
    """A Service has a UDP or SCTP port, which ambient leaves as it is: outside the mesh, in plaintext.

    ## Why
    Only TCP is captured. That is so with sidecars too; policies and mTLS never covered these ports.

    ## Fix
    Nothing changes. Where the port must be protected, use NetworkPolicies or the application's own means.

    ## References
    - istio/istio cni/pkg/iptables/iptables.go
    """

    code = "AMB603"
    severity = Severity.INFO
    remedy = Remedy.NONE
    inputs = kinds.MESHED | kinds.SERVICES

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for service in mesh.services.all:
            ports = service.resource.spec.get("ports") or () if is_meshed(mesh, service) else ()
            for i, port in enumerate(ports):
                if port.get("protocol", "TCP") != "TCP" and port.get("port") != _DNS:
                    yield self.finding(
                        service.resource,
                        f"Port {port.get('port')} is {port['protocol']}: it is not captured, and "
                        "stays outside the mesh, as it is today.",
                        fix="Protect it by NetworkPolicies where that matters.",
                        path=field("spec", "ports", i),
                        affects=apps(mesh, [service]),
                    )
