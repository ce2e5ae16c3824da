"""AMB342, an application that runs as the sidecar's user."""

from collections.abc import Iterator, Mapping
from typing import Any

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.pods.probes import own_containers
from migrator.istio.workloads import Workload
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule

_PROXY_ID = 1337


class Uid1337App(Rule):
    """An application runs with user or group 1337, and so past its sidecar.

    ## Why
    A sidecar leaves the outbound traffic of user and group 1337 alone. Ambient goes by packet mark, so
    that this application's traffic is captured for the first time.

    ## Fix
    Test the application's calls through ztunnel, or keep the workload out of ambient.

    ## References
    - istio/istio tools/istio-iptables/pkg/capture/run.go (`ProxyUID`)
    - istio/istio cni/pkg/iptables/iptables.go (`InpodMark`)
    """

    code = "AMB342"
    severity = Severity.WARNING
    inputs = kinds.MESHED

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for workload in mesh.meshed:
            for path, key in _places(workload):
                yield self.finding(
                    workload.resource,
                    f"{workload.ref} runs with {key} 1337, which its sidecar does not capture; ambient "
                    "captures it.",
                    fix="Test the application's calls through ztunnel before it moves.",
                    path=f"{path}.securityContext.{key}",
                    affects=[workload],
                )


def _places(workload: Workload) -> Iterator[tuple[str, str]]:
    for key in _keys(workload.pod_spec):
        yield workload.path("spec"), key
    for path, container in own_containers(workload):
        for key in _keys(container):
            yield path, key


def _keys(holder: Mapping[str, Any]) -> Iterator[str]:
    context = holder.get("securityContext") or {}
    return (key for key in ("runAsUser", "runAsGroup") if context.get(key) == _PROXY_ID)
