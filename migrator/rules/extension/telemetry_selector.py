"""AMB410, telemetry settings for selected pods."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule

_PARTS = {"metrics": "metrics", "tracing": "tracing", "accessLogging": "access logs"}


class TelemetrySelector(Rule):
    """A Telemetry resource selects pods, and neither ztunnel nor waypoints read selectors.

    ## Why
    Its settings for metrics, tracing and access logs act on the sidecars of the selected pods. A waypoint
    reads Telemetry by `targetRefs`, or without selector; ztunnel reads none.

    ## Fix
    Give the waypoint a copy with `targetRefs`, as `migrate plan` does. What ztunnel itself reports cannot
    be set this way.

    ## References
    - istio/istio pilot/pkg/model/telemetry.go (`applicableTelemetries`)
    """

    code = "AMB410"
    severity = Severity.WARNING
    remedy = Remedy.AUTOMATIC
    inputs = kinds.INJECTION | {kinds.TELEMETRY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for telemetry in mesh.of(kinds.TELEMETRY):
            if mesh.attachments.scope_of(telemetry) != "workload":
                continue
            apps = mesh.attachments.apps_of(telemetry)
            parts = [said for key, said in _PARTS.items() if telemetry.spec.get(key)]
            if apps and parts:
                yield self.finding(
                    telemetry,
                    f"This Telemetry sets {', '.join(parts)} for pods that it selects; neither ztunnel "
                    "nor a waypoint reads the selector.",
                    fix="Give the waypoint a copy with targetRefs; `migrate plan` does.",
                    path="spec.selector",
                    affects=apps,
                )
