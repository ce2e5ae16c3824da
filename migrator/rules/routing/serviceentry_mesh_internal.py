"""AMB238, members of the mesh by address."""

from collections.abc import Iterator

from migrator.istio import kinds, labels
from migrator.istio.mesh import Mesh
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule


class ServiceentryMeshInternal(Rule):
    """A ServiceEntry lists addresses as members of the mesh, which ztunnel calls in plaintext.

    ## Why
    For `MESH_INTERNAL` a sidecar speaks mutual TLS to the endpoints. ztunnel takes each of them for a
    workload of its own, and speaks HBONE only where the ServiceEntry's own label
    `networking.istio.io/tunnel: http` says that they can; labels of the endpoints do not count.

    ## Fix
    Label the ServiceEntry where its endpoints can receive HBONE, or make the host
    `MESH_EXTERNAL` with TLS of its own.

    ## References
    - istio/istio pilot/pkg/serviceregistry/ambient/workloads.go (`setTunnelProtocol`)
    """

    code = "AMB238"
    severity = Severity.WARNING
    inputs = kinds.INJECTION | {kinds.SERVICE_ENTRY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for entry in mesh.of(kinds.SERVICE_ENTRY) if mesh.meshed else ():
            internal = entry.spec.get("location", "MESH_EXTERNAL") == "MESH_INTERNAL"
            plain = [e.get("address", "?") for e in entry.spec.get("endpoints") or ()]
            if not internal or not plain or _tunnels(entry):
                continue
            yield self.finding(
                entry,
                f"{', '.join(entry.spec.get('hosts') or ())} is MESH_INTERNAL at "
                f"{', '.join(plain)}: sidecars speak mutual TLS to it, ztunnel plaintext.",
                fix="Label the ServiceEntry networking.istio.io/tunnel: http if its endpoints "
                "receive HBONE, or make the host MESH_EXTERNAL.",
                path=field("spec", "endpoints"),
                affects=[entry],
                callers=["ambient"],
            )


def _tunnels(entry: Resource) -> bool:
    redirected = entry.annotations.get(labels.REDIRECTION) == "enabled"
    return redirected or entry.labels.get(labels.TUNNEL) == "http"
