"""AMB007, istiod without ambient."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.meshconfig import ControlPlane
from migrator.istio.platform import env_of
from migrator.model.finding import Finding, Scope, Severity
from migrator.rules.base import Rule

_SWITCH = "PILOT_ENABLE_AMBIENT"


class AmbientDisabledInIstiod(Rule):
    """An istiod runs without PILOT_ENABLE_AMBIENT.

    ## Why
    It tells ztunnel nothing, creates no waypoints, and ignores every other switch of ambient with no
    more than a line in its log. An enrolled pod would have a proxy that knows no service and no policy.

    ## Fix
    Upgrade the release with `profile: ambient`, which also makes sidecars able to receive HBONE. With
    istioctl keep the ingress gateways in the same change: that profile switches them off.

    ## References
    - istio/istio pilot/pkg/features/ambient.go (`registerAmbient`)
    - istio/istio manifests/helm-profiles/ambient.yaml
    """

    code = "AMB007"
    severity = Severity.BLOCKER
    scope = Scope.CLUSTER
    inputs = frozenset({kinds.DEPLOYMENT})

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for plane in mesh.control_planes:
            if plane.ambient is False:
                yield self._off(plane)

    def _off(self, plane: ControlPlane) -> Finding:
        path, value = env_of(plane.resource, _SWITCH) or (f"{plane.container_path}.env", "")
        said = f'sets {_SWITCH} to "{value}"' if value else f"does not set {_SWITCH}"
        return self.finding(
            plane.resource,
            f"Revision {plane.revision} of istiod {said}: it would tell ztunnel nothing.",
            fix='Upgrade the istiod release with profile=ambient (or pilot.env: {"'
            f'{_SWITCH}": "true"}} and the proxyMetadata ISTIO_META_ENABLE_HBONE: "true").',
            path=path,
        )
