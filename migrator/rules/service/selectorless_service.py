"""AMB611, endpoints that somebody wrote down."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule

_SERVICE_NAME = "kubernetes.io/service-name"
_API_SERVER = ("default", "kubernetes")


class SelectorlessService(Rule):
    """A Service without selector has endpoints that somebody wrote down; ztunnel reaches them in plaintext.

    ## Why
    To ztunnel such an endpoint is an address and no more: without identity, without HBONE, even where it is
    that of a pod of the mesh, which STRICT then refuses.

    ## Fix
    Look where the endpoints are. Give pods of the mesh a selector, and what is outside a ServiceEntry.

    ## References
    - istio/istio pilot/pkg/serviceregistry/ambient/workloads.go (`endpointSlicesBuilder`)
    """

    code = "AMB611"
    severity = Severity.WARNING
    inputs = kinds.MESHED | kinds.SERVICES | {kinds.ENDPOINT_SLICE}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        meshed = set(mesh.meshed_namespaces)
        of_pods = {
            (one.namespace, one.labels.get(_SERVICE_NAME, ""))
            for one in mesh.of(kinds.ENDPOINT_SLICE)
            for endpoint in one.body.get("endpoints") or ()
            if (endpoint.get("targetRef") or {}).get("kind") == "Pod"
        }
        for service in mesh.services.all:
            written = not service.selector and service.type != "ExternalName"
            key = (service.namespace, service.name)
            if (
                not written
                or service.namespace not in meshed
                or key in of_pods
                or key == _API_SERVER
            ):
                continue
            yield self.finding(
                service.resource,
                "It has no selector. ztunnel reaches endpoints that somebody wrote down as bare "
                "addresses: in plaintext, without identity, pods of the mesh as well.",
                fix="Give it a selector if its endpoints are pods, else use a ServiceEntry.",
                path="spec",
                callers=["ambient"],
            )
