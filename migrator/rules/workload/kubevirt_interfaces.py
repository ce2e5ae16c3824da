"""AMB329, virtual machines behind an interface of the pod."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule

_SIDECARS = "traffic.sidecar.istio.io/kubevirtInterfaces"
_BOTH = "istio.io/reroute-virtual-interfaces"


class KubevirtInterfaces(Rule):
    """A pod names its virtual interfaces in an annotation that only sidecars read.

    ## Why
    istio-cni captures the outbound traffic of virtual interfaces only when they are named in
    `istio.io/reroute-virtual-interfaces`, and only TCP. Otherwise it leaves the pod outside the mesh.

    ## Fix
    Put the same names into `istio.io/reroute-virtual-interfaces`; sidecars read that one too.

    ## References
    - istio/istio cni/pkg/iptables/iptables.go (`VirtualInterfaces`)
    - istio/api annotation/annotations.gen.go
    """

    code = "AMB329"
    severity = Severity.WARNING
    inputs = kinds.MESHED

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for workload in mesh.meshed:
            interfaces = workload.annotations.get(_SIDECARS)
            if interfaces and not workload.annotations.get(_BOTH):
                yield self.finding(
                    workload.resource,
                    f"{workload.ref} names its virtual interfaces {interfaces} for its sidecar only; "
                    "in ambient their traffic is not captured.",
                    fix=f'Annotate the template with {_BOTH}: "{interfaces}".',
                    path=workload.path("metadata", "annotations", _SIDECARS),
                    affects=[workload],
                )
