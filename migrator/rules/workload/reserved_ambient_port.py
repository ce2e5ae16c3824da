"""AMB332, an application on a port that ztunnel takes in the pod."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.pods.probes import own_containers
from migrator.istio.workloads import Workload
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule

_TCP = frozenset({15001, 15006, 15008, 15053, 15080})
_UDP = frozenset({15053})


class ReservedAmbientPort(Rule):
    """A container or a Service uses a port that ztunnel listens on inside the pod.

    ## Why
    ztunnel opens 15001, 15006, 15008, 15053 and 15080 in the network namespace of each ambient pod:
    one of the two cannot listen, and calls from outside to 15001, 15006 and 15008 are refused.

    ## Fix
    Move the application to another port, and the Service's `targetPort` with it.

    ## References
    - istio/istio cni/pkg/config/config.go
    - istio/ztunnel ARCHITECTURE.md
    """

    code = "AMB332"
    severity = Severity.BLOCKER
    inputs = kinds.MESHED | kinds.SERVICES

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        meshed = set(mesh.meshed)
        for workload in mesh.meshed:
            yield from self._containers(workload)
        for service in mesh.services.all:
            affected = [w for w in mesh.services.workloads(service) if w in meshed]
            for i, port in enumerate(service.resource.spec.get("ports") or ()):
                target = port.get("targetPort", port.get("port"))
                if affected and _is_reserved(target, port.get("protocol")):
                    yield self.finding(
                        service.resource,
                        f"{service.ref} sends traffic to port {target} of its pods, where ztunnel "
                        "listens in ambient: the application cannot be reached there.",
                        fix="Move the application to another port, and targetPort with it.",
                        path=field("spec", "ports", i),
                        affects=affected,
                    )

    def _containers(self, workload: Workload) -> Iterator[Finding]:
        for path, container in own_containers(workload):
            for i, port in enumerate(container.get("ports") or ()):
                number = port.get("containerPort")
                if _is_reserved(number, port.get("protocol")):
                    yield self.finding(
                        workload.resource,
                        f"The container {container.get('name')} of {workload.ref} listens on "
                        f"{number}, which ztunnel takes in ambient pods.",
                        fix="Let the application listen on another port.",
                        path=f"{path}.{field('ports', i)}",
                        affects=[workload],
                    )


def _is_reserved(port: int | str | None, protocol: str | None) -> bool:
    return port in (_UDP if protocol == "UDP" else _TCP)
