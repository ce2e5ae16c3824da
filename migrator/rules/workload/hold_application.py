"""AMB335, waiting and draining that a sidecar needed."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.pods.sidecar_settings import own_metadata, proxy_config
from migrator.istio.workloads import Workload
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule

_KEYS = ("holdApplicationUntilProxyStarts", "terminationDrainDuration", "drainDuration")
_ENV = "EXIT_ON_ZERO_ACTIVE_CONNECTIONS"


class HoldApplication(Rule):
    """A pod template sets how its application and its sidecar wait for each other.

    ## Why
    An ambient pod starts when its network is ready, so that the application need not be held back. The
    sidecar's draining at the end goes away too: connections last as long as the application lets them.

    ## Fix
    Remove the setting once the workload has moved. Where the drain time was set on purpose, give the
    application a `preStop` hook of that length.

    ## References
    - istio/istio cni/pkg/plugin/plugin.go
    - istio/api mesh/v1alpha1/proxy.proto
    """

    code = "AMB335"
    severity = Severity.INFO
    remedy = Remedy.NONE
    inputs = kinds.MESHED

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for workload in mesh.meshed:
            found = _settings(workload)
            if found:
                yield self.finding(
                    workload.resource,
                    f"{workload.ref} sets {', '.join(found)} for its sidecar; ambient pods need no "
                    "waiting at the start, and have no draining proxy at the end.",
                    fix="Remove it once the workload has moved.",
                    path=workload.path("metadata", "annotations", "proxy.istio.io/config"),
                    affects=[workload],
                )


def _settings(workload: Workload) -> list[str]:
    config = proxy_config(workload)
    found = [key for key in _KEYS if config.get(key)]
    if own_metadata(workload).get(_ENV) == "true":
        found.append(_ENV)
    return found
