"""AMB001, an istiod older than ambient."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.versions import Version
from migrator.model.finding import Finding, Scope, Severity
from migrator.rules.base import Rule

_GENERAL = Version(1, 24)
_FLOOR = Version(1, 28)


class IstioVersionTooOld(Rule):
    """An istiod is older than the versions that this migration is meant for.

    ## Why
    Ambient is generally available since 1.24. Up to 1.27 EnvoyFilters, policies for a GatewayClass and
    the filtering of configuration by revision behave differently from what the other rules describe.

    ## Fix
    Upgrade the mesh as it is, with sidecars, then migrate. 1.28 is the floor, 1.30.3 is better:
    waypoints then retry, honour Telemetry of the service's namespace, and merge VirtualServices.

    ## References
    - https://istio.io/latest/news/releases/1.24.x/announcing-1.24/
    - istio/istio releasenotes/notes
    """

    code = "AMB001"
    severity = Severity.BLOCKER
    scope = Scope.CLUSTER
    inputs = frozenset({kinds.DEPLOYMENT})

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for plane in mesh.control_planes:
            if plane.version is None or plane.version >= _FLOOR:
                continue
            old = plane.version < _GENERAL
            then = (
                "in which ambient is not generally available"
                if old
                else f"older than {_FLOOR}, the floor of this migration"
            )
            yield self.finding(
                plane.resource,
                f"Revision {plane.revision} of istiod has version {plane.version}, {then}.",
                fix=f"Upgrade Istio to {_FLOOR} or newer while the mesh still has sidecars.",
                path=f"{plane.container_path}.image",
                severity=Severity.BLOCKER if old else Severity.WARNING,
            )
