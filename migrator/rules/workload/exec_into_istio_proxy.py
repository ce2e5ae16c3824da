"""AMB334, a command that enters the container `istio-proxy`."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.pods.sidecar_use import exec_uses
from migrator.istio.workloads import Role
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class ExecIntoIstioProxy(Rule):
    """A command enters the container `istio-proxy`, or signals its processes.

    ## Why
    Ambient pods have no such container and no Envoy process: the command fails, or does nothing.

    ## Fix
    Remove the command; what it read from Envoy, `istioctl ztunnel-config` and the waypoint's admin
    port show.

    ## References
    - istio/ztunnel ARCHITECTURE.md
    - https://istio.io/latest/docs/ambient/usage/troubleshoot-ztunnel/
    """

    code = "AMB334"
    severity = Severity.WARNING
    inputs = kinds.WORKLOADS - kinds.NAMESPACES

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for workload in mesh.workloads:
            if workload.role is not Role.APP:
                continue
            for use in exec_uses(workload):
                yield self.finding(
                    workload.resource,
                    f"{workload.ref} runs `{use.text}`; ambient pods have no sidecar to act on.",
                    fix="Remove the command, or aim it at ztunnel or the waypoint.",
                    path=use.path,
                    affects=[workload],
                )
