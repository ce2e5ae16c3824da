"""AMB411, telemetry settings of a namespace whose waypoint is elsewhere."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.fronts import fronts
from migrator.istio.versions import Version
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule

_MENDED = Version(1, 30, 3)


class TelemetryNamespaceScope(Rule):
    """A Telemetry resource covers a namespace whose Services have their waypoint in another one.

    ## Why
    Before Istio 1.30.3 a waypoint reads only the namespace-wide Telemetry of its own namespace and of the
    root namespace, not that of the Service's namespace.

    ## Fix
    Upgrade Istio to 1.30.3 or later, give the namespace a waypoint of its own, or add a Telemetry with
    `targetRefs` for the Services.

    ## References
    - istio/istio releasenotes/notes/60665.yaml
    - istio/istio pilot/pkg/model/telemetry.go (`applicableTelemetries`)
    """

    code = "AMB411"
    severity = Severity.WARNING
    inputs = kinds.WAYPOINT_REASONS | {kinds.TELEMETRY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        if mesh.istio_version >= _MENDED:
            return
        for telemetry in mesh.of(kinds.TELEMETRY):
            if mesh.attachments.scope_of(telemetry) != "namespace":
                continue
            apps = mesh.attachments.apps_of(telemetry)
            away = [f for f in fronts(mesh, apps) if f.gateway.namespace != f.service.namespace]
            if away:
                services = ", ".join(f.service.name for f in away)
                yield self.finding(
                    telemetry,
                    f"This Telemetry covers the namespace, and the waypoint of {services} is in "
                    f"{away[0].gateway.namespace}; Istio {mesh.istio_version} does not read it there.",
                    fix="Upgrade Istio to 1.30.3 or later, or give the namespace its own waypoint.",
                    affects=[f.service.ref for f in away],
                )
