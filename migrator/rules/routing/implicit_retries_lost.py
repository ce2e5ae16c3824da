"""AMB218, retries that nobody asked for."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.services import Service
from migrator.istio.traffic.virtualservices import apps, is_meshed
from migrator.istio.versions import Version
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule

_WAYPOINTS_RETRY_SINCE = Version(1, 30, 3)
_SHOWN = 4


class ImplicitRetriesLost(Rule):
    """Sidecars repeat failed HTTP requests twice without being asked, and ambient callers do not.

    ## Why
    By default a sidecar retries connection failures and 503s of any HTTP Service. ztunnel never retries, and
    a waypoint does for local Services only from Istio 1.30.3 on. Errors that were hidden, in restarts above
    all, become visible.

    ## Fix
    Let clients retry, or bind the Services to a waypoint and write `retries` into a route.

    ## References
    - istio/istio releasenotes/notes/60682.yaml
    - istio/istio pilot/pkg/networking/core/route/retry/retry.go
    """

    code = "AMB218"
    severity = Severity.WARNING
    inputs = kinds.WAYPOINT_REASONS

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        if mesh.config.get("defaultHttpRetryPolicy", "attempts") == 0:
            return
        waypoints_retry = mesh.istio_version >= _WAYPOINTS_RETRY_SINCE
        for namespace in mesh.meshed_namespaces:
            lost = [
                s
                for s in mesh.services.in_namespace(namespace)
                if any(port.is_http for port in s.ports)
                and is_meshed(mesh, s)
                and not (waypoints_retry and _has_waypoint(mesh, s))
            ]
            if not lost:
                continue
            shown = ", ".join(s.name for s in lost[:_SHOWN])
            more = f" and {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else ""
            yield self.finding(
                mesh.namespace(namespace).resource or lost[0].resource,
                f"Sidecars retry failed requests to {shown}{more} by themselves. For ambient "
                "callers nobody does.",
                fix="Let clients retry where that matters, or bind the Service to a waypoint.",
                affects=apps(mesh, lost),
                callers=["ambient"],
            )


def _has_waypoint(mesh: Mesh, service: Service) -> bool:
    """Whether it is bound to one, or will be for a hard reason."""
    bound = mesh.waypoints.bound_to(service).gateway is not None
    return bound or any(reason.hard for reason in mesh.waypoints.needs(service))
