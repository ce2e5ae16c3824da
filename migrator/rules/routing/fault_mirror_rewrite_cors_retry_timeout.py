"""AMB217, what the routes ask of the proxy."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.routefields import http_features
from migrator.istio.traffic.virtualservices import apps, concerned, read_at_waypoint
from migrator.istio.versions import Version
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule

_MIRRORS_SINCE = Version(1, 24)


class FaultMirrorRewriteCorsRetryTimeout(Rule):
    """Routes ask for timeouts, retries, faults, mirrors, rewrites or CORS, which move to the waypoint.

    ## Why
    Today each caller's sidecar does this; then one waypoint does it for all ambient callers. Sidecars that
    are left go on doing it themselves. Before Istio 1.24 a waypoint did not mirror.

    ## Fix
    Try each of them behind the waypoint before the callers move.

    ## References
    - istio/istio pilot/pkg/networking/core/listener_waypoint.go (`waypointInboundRoute`)
    - https://istio.io/latest/docs/ambient/usage/l7-features/
    """

    code = "AMB217"
    severity = Severity.INFO
    remedy = Remedy.NONE
    inputs = kinds.INJECTION | {kinds.VIRTUAL_SERVICE, kinds.SERVICE}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for vs in mesh.routing.mesh_virtual_services:
            services = [s for s in concerned(mesh, vs) if read_at_waypoint(mesh, vs, s)]
            asked = list(http_features(vs))
            if not services or not asked:
                continue
            mirrors = any(use.name.startswith("mirror") for use in asked)
            lost = mirrors and mesh.istio_version < _MIRRORS_SINCE
            yield self.finding(
                vs,
                f"For {', '.join(s.host for s in services)} it asks for "
                f"{', '.join(dict.fromkeys(use.name for use in asked))}: the waypoint does that "
                "for ambient callers."
                + (f" That of Istio {mesh.istio_version} does not mirror." if lost else ""),
                fix="Upgrade Istio to 1.24 or later first."
                if lost
                else "Try them behind the waypoint.",
                path=asked[0].path,
                severity=Severity.WARNING if lost else Severity.INFO,
                remedy=Remedy.MANUAL if lost else Remedy.NONE,
                affects=apps(mesh, services),
                callers=["ambient"],
            )
