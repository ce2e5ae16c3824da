"""AMB019, sidecars that are not told to receive HBONE."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.meshconfig import Layer
from migrator.istio.platform import installers
from migrator.istio.workloads import Workload
from migrator.istio.yamltext import dig, is_true
from migrator.model.finding import Finding, Scope, Severity
from migrator.rules.base import Rule

_PATH = ("defaultConfig", "proxyMetadata", "ISTIO_META_ENABLE_HBONE")


class HboneEnvMissing(Rule):
    """The mesh config does not make sidecars able to receive HBONE.

    ## Why
    To a sidecar without ISTIO_META_ENABLE_HBONE an ambient caller sends plain text: refused under
    STRICT, and without an identity that an AuthorizationPolicy could judge.

    ## Fix
    Upgrade istiod with `profile: ambient`, which sets it, or set it under `defaultConfig.proxyMetadata`;
    `migrate plan` then restarts the servers that ambient callers will reach.

    ## References
    - istio/istio manifests/helm-profiles/ambient.yaml
    - istio/istio manifests/charts/istio-control/istio-discovery/files/injection-template.yaml
    """

    code = "AMB019"
    severity = Severity.BLOCKER
    scope = Scope.CLUSTER
    inputs = kinds.MESHED | {kinds.PEER_AUTHENTICATION, kinds.AUTHORIZATION_POLICY, kinds.SERVICE}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        servers = [w for w in mesh.meshed if mesh.services.of_workload(w)]
        judged = [w for w in servers if _refuses_plaintext(mesh, w)]
        for layer in _settled(mesh):
            if is_true(dig(layer.values, *_PATH)) or not servers:
                continue
            who = f"{len(judged)} of {len(servers)} servers refuse plain text or judge callers"
            yield self.finding(
                layer.resource,
                f"{_PATH[-1]} is not set: sidecars cannot receive HBONE, and {who}.",
                fix=f'Set {".".join(_PATH)}: "true", as profile ambient does.',
                path=layer.path_of(*_PATH),
                severity=Severity.BLOCKER if judged else Severity.WARNING,
                affects=judged,
                callers=["ambient"],
            )


def _settled(mesh: Mesh) -> tuple[Layer, ...]:
    """What istiod reads; where the source has none of it, what an installer would give it."""
    profiles = {one.ref: profile for one, profile in installers(mesh)}
    read = [layer for layer in mesh.config.layers if layer.resource.ref not in profiles]
    given = [
        x for x in mesh.config.layers if "ambient" not in profiles.get(x.resource.ref, "ambient")
    ]
    return tuple(read) or tuple(given[-1:])


def _refuses_plaintext(mesh: Mesh, workload: Workload) -> bool:
    judges = mesh.attachments.on_workload(kinds.AUTHORIZATION_POLICY, workload)
    return mesh.mtls(workload).strict or bool(judges)
