"""AMB412, access logs of sidecars."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.extensions.telemetry_sources import access_logs
from migrator.istio.mesh import Mesh
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class AccessLogsLost(Rule):
    """Sidecars write access logs, and ztunnel knows no requests to write about.

    ## Why
    ztunnel logs connections, in its own format, to its own output on each node. Formats, filters and
    providers of access logs act at waypoints only, for the Services that have one.

    ## Fix
    Find out who reads the logs. Give the Services that need HTTP lines a waypoint, collect ztunnel's log,
    and teach the readers its format.

    ## References
    - istio/ztunnel ARCHITECTURE.md
    - istio/istio pilot/pkg/model/telemetry.go (`AccessLogging`)
    """

    code = "AMB412"
    severity = Severity.WARNING
    inputs = kinds.INJECTION | {kinds.TELEMETRY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for source in access_logs(mesh):
            yield self.finding(
                source.resource,
                f"{source.said} makes sidecars log requests. ztunnel logs connections only, in a format "
                "of its own; requests are logged at waypoints.",
                fix="Give Services whose requests must be logged a waypoint, and collect ztunnel's log.",
                path=source.path,
                affects=source.apps,
            )
