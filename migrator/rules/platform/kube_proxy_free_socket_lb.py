"""AMB040, a Cilium that resolves services inside the pod."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.platform import cilium
from migrator.model.finding import Finding, Scope, Severity
from migrator.rules.base import Rule

_REPLACES = ("true", "strict", "partial", "probe")
_HOST_ONLY = "bpf-lb-sock-hostns-only"


class KubeProxyFreeSocketLb(Rule):
    """Cilium replaces kube-proxy and turns service addresses into pods' inside the caller.

    ## Why
    ztunnel then sees a pod's address where the caller asked for a Service: service policies, waypoints
    and routing are passed by.

    ## Fix
    Install Cilium with `socketLB.hostNamespaceOnly=true`.

    ## References
    - https://docs.cilium.io/en/latest/network/servicemesh/istio/
    """

    code = "AMB040"
    severity = Severity.BLOCKER
    scope = Scope.CLUSTER
    inputs = frozenset({kinds.CONFIG_MAP})

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        found = cilium(mesh)
        if found is None:
            return
        resource, settings = found
        by_socket = [
            key
            for key, on in (("kube-proxy-replacement", _REPLACES), ("bpf-lb-sock", ("true",)))
            if settings.get(key) in on
        ]
        if (
            by_socket
            and settings.get("bpf-lb-sock", "true") == "true"
            and settings.get(_HOST_ONLY) != "true"
        ):
            yield self.finding(
                resource,
                f"Cilium runs with {by_socket[0]}: {settings[by_socket[0]]} and without {_HOST_ONLY}: "
                "calls lose their service's address before ztunnel sees them.",
                fix="Install Cilium with socketLB.hostNamespaceOnly=true.",
                path=f"data.{by_socket[0]}",
            )
