"""AMB333, an application that calls the sidecar beside it."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.pods.sidecar_use import admin_uses
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class SidecarAdminDependency(Rule):
    """A container waits for, or stops, the sidecar through its local ports.

    ## Why
    In ambient nothing in the pod listens on 15000, 15004, 15020, 15021 or 15090, and there is no
    `pilot-agent`. A loop that waits for the proxy never ends; a call that stops it fails, and with it
    the Job.

    ## Fix
    Remove the call or the wrapper. In ambient a pod starts with its network ready, and a Job ends
    with its own containers.

    ## References
    - istio/istio pilot/cmd/pilot-agent/status/server.go (`quitPath`, `readyPath`)
    - istio/ztunnel ARCHITECTURE.md
    """

    code = "AMB333"
    severity = Severity.BLOCKER
    inputs = kinds.MESHED

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for workload in mesh.meshed:
            for use in admin_uses(workload):
                yield self.finding(
                    workload.resource,
                    f"{workload.ref} counts on its sidecar: `{use.text}`. In ambient nothing answers "
                    "there, so that the container waits or fails.",
                    fix="Remove the call or the wrapper in the change that moves the workload.",
                    path=use.path,
                    affects=[workload],
                )
