"""AMB323, a sidecar that must not send HBONE."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.pods.sidecar_settings import own_metadata
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule

_SWITCH = "ISTIO_META_DISABLE_HBONE_SEND"


class HboneSendDisabled(Rule):
    """A sidecar is told not to send HBONE.

    ## Why
    A sidecar reaches an ambient server by HBONE only. This one falls back to plain text, which a
    STRICT server refuses, and which carries no identity for a policy to allow.

    ## Fix
    Remove the setting and restart the workload before its first server moves.

    ## References
    - istio/istio pilot/pkg/xds/endpoints/endpoint_builder.go (`DisableHBONESend`)
    - istio/istio pkg/model/proxy.go
    """

    code = "AMB323"
    severity = Severity.BLOCKER
    inputs = kinds.INJECTION

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        default = mesh.config.get("defaultConfig", "proxyMetadata", _SWITCH)
        if mesh.meshed and str(default).lower() == "true":
            resource, path = mesh.config.sources[-1]
            yield self.finding(
                resource,
                f"No sidecar of the mesh sends HBONE ({_SWITCH} in its defaultConfig): they reach "
                "ambient servers in plain text, which STRICT refuses.",
                fix=f"Remove {_SWITCH} and restart the workloads before their servers move.",
                path=path,
                affects=mesh.meshed,
                callers=["sidecar"],
            )
        for workload in mesh.meshed:
            if own_metadata(workload).get(_SWITCH) == "true":
                yield self.finding(
                    workload.resource,
                    f"The sidecars of {workload.ref} do not send HBONE ({_SWITCH}): they reach "
                    "ambient servers in plain text, which STRICT refuses.",
                    fix=f"Remove {_SWITCH} and restart the workload before its servers move.",
                    path=workload.path("metadata", "annotations", "proxy.istio.io/config"),
                    affects=[workload],
                    callers=["sidecar"],
                )
