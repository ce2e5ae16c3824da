"""AMB338, a manifest with probes that were copied from an injected pod."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.pods.probes import Probe, probes
from migrator.istio.pods.sidecar_settings import is_injected_pod
from migrator.istio.workloads import Workload
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule

_AGENT_PORTS = frozenset({15020, 15021})


class HardCodedRewrittenProbe(Rule):
    """A probe in the manifest asks the sidecar instead of the application.

    ## Why
    The injector rewrites probes to `/app-health/…` on port 15020 of the agent. A manifest that was
    copied from such a pod asks an agent that ambient pods do not have: the probe fails for ever.

    ## Fix
    Restore the original probe; `ISTIO_KUBE_APP_PROBERS` of a running sidecar holds it.

    ## References
    - istio/istio pkg/kube/inject/app_probe.go
    - istio/istio pilot/cmd/pilot-agent/status/server.go (`KubeAppProberEnvName`)
    """

    code = "AMB338"
    severity = Severity.BLOCKER
    inputs = kinds.MESHED

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for workload in mesh.meshed:
            if is_injected_pod(workload):
                continue
            for probe in probes(workload):
                if _asks_the_agent(workload, probe):
                    yield self.finding(
                        workload.resource,
                        f"The {probe.phase} probe of {workload.ref} asks port {probe.port} "
                        f"{probe.path}".rstrip()
                        + ", which only a sidecar answers.",
                        fix="Restore the probe of the application before the workload moves.",
                        path=probe.field_path,
                        affects=[workload],
                    )


def _asks_the_agent(workload: Workload, probe: Probe) -> bool:
    """Whether it is rewritten, or goes to an agent's port that no container of the pod declares."""
    if probe.path.startswith("/app-health/"):
        return True
    ports = (p.get("containerPort") for c in workload.containers for p in c.get("ports") or ())
    return probe.port in _AGENT_PORTS and probe.port not in set(ports)
