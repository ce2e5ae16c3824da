"""AMB507, a gateway that does not speak HBONE."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.mesh import Mesh
from migrator.istio.pods.sidecar_settings import own_metadata
from migrator.istio.versions import Version, image_version
from migrator.istio.workloads import Role, Workload
from migrator.istio.yamltext import is_true
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Scope, Severity
from migrator.rules.base import Rule

_SENDS_SINCE = Version(1, 22)
_SWITCH = "ISTIO_META_DISABLE_HBONE_SEND"


class IngressGatewayOldHbone(Rule):
    """A gateway does not send HBONE: it reaches ambient pods in plaintext, which STRICT refuses.

    ## Why
    Gateways speak HBONE from Istio 1.22 on, unless `ISTIO_META_DISABLE_HBONE_SEND` says otherwise. Without
    it an ambient pod gets plaintext, without the gateway's identity.

    ## Fix
    Restart or upgrade the gateway, and remove the switch, before the first server moves.

    ## References
    - istio/istio pilot/pkg/xds/endpoints/endpoint_builder.go (`DisableHBONESend`)
    - istio/istio pkg/bootstrap/config.go (`IstioMetaPrefix`)
    """

    code = "AMB507"
    severity = Severity.BLOCKER
    scope = Scope.CLUSTER
    inputs = kinds.MESHED

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for workload in mesh.workloads if mesh.meshed else ():
            if workload.role is not Role.GATEWAY:
                continue
            for path, why in _reasons(workload):
                yield self.finding(
                    workload.resource,
                    f"This gateway {why}: it reaches ambient pods in plaintext, which STRICT "
                    "refuses.",
                    fix="Upgrade the gateway and remove the switch, before the first server moves.",
                    path=path,
                    affects=[workload],
                    callers=["gateway"],
                )


def _reasons(workload: Workload) -> Iterator[tuple[str, str]]:
    """(path, why) it does not send HBONE; an image `auto` says nothing."""
    for path, container in workload.all_containers:
        version = image_version(str(container.get("image", "")))
        if container.get("name") == "istio-proxy" and version and version < _SENDS_SINCE:
            yield f"{path}.image", f"is Istio {version}, older than 1.22"
        for i, variable in enumerate(container.get("env") or ()):
            if variable.get("name") == _SWITCH and is_true(variable.get("value")):
                yield f"{path}.{field('env', i)}", f"has {_SWITCH} set"
    if is_true(own_metadata(workload).get(_SWITCH)):
        where = workload.path("metadata", "annotations", names.PROXY_CONFIG)
        yield where, f"has {_SWITCH} set"
