"""AMB327, settings for a sidecar that will not be there."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.pods.sidecar_settings import is_injected_pod, proxy_config
from migrator.istio.workloads import Workload
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule

_SIDECAR = "sidecar.istio.io/"
_CONFIG = "proxy.istio.io/config"
_BLOCKERS = frozenset({_SIDECAR + "bootstrapOverride"})
_WARNINGS = frozenset({_SIDECAR + "userVolume", _SIDECAR + "userVolumeMount"})
_INFOS = frozenset(
    {_SIDECAR + name for name in (
        "proxyCPU", "proxyCPULimit", "proxyMemory", "proxyMemoryLimit", "logLevel", "agentLogLevel",
        "componentLogLevel", "proxyImage", "proxyImageType", "discoveryAddress", "nativeSidecar",
    )} | {"proxy.istio.io/overrides"}
)  # fmt: skip
_CONFIG_KEYS = frozenset({"concurrency", "tracing", "proxyStatsMatcher", "extraStatTags"})


class ProxyConfigAnnotation(Rule):
    """A pod template configures its sidecar by annotation; ambient reads none of it.

    ## Why
    Sizes and log levels go with the sidecar. What an application relies on goes too: certificates
    mounted into the proxy for TLS to the outside, tracing, extra statistics, and a bootstrap of its
    own, which may hold anything and is a blocker.

    ## Fix
    Move what must stay: certificates to the egress waypoint, tracing and statistics to Telemetry.
    Remove the annotations once the workload has moved.

    ## References
    - istio/api annotation/annotations.gen.go, mesh/v1alpha1/proxy.proto
    - istio/istio manifests/charts/istio-control/istio-discovery/files/injection-template.yaml
    """

    code = "AMB327"
    severity = Severity.INFO
    inputs = kinds.MESHED

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for workload in mesh.meshed:
            found = sorted(workload.annotations)
            for name in found:
                if name in _BLOCKERS:
                    yield self._found(workload, name, name, Severity.BLOCKER)
                elif name in _WARNINGS:
                    yield self._found(workload, name, name, Severity.WARNING)
            keys = sorted(_CONFIG_KEYS.intersection(proxy_config(workload)))
            if keys:
                yield self._found(workload, _CONFIG, ", ".join(keys), Severity.WARNING)
            infos = [name for name in found if name in _INFOS]
            if infos and not is_injected_pod(workload):
                yield self._found(workload, infos[0], ", ".join(infos), Severity.INFO)

    def _found(self, workload: Workload, name: str, what: str, severity: Severity) -> Finding:
        info = severity is Severity.INFO
        return self.finding(
            workload.resource,
            f"{workload.ref} configures its sidecar ({what}); nothing in ambient reads it.",
            fix="Remove it once the workload has moved."
            if info
            else "Decide where the setting belongs in ambient before the workload moves.",
            path=workload.path("metadata", "annotations", name),
            severity=severity,
            remedy=Remedy.NONE if info else Remedy.MANUAL,
            affects=[workload],
        )
