"""AMB413, spans of sidecars."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.extensions.telemetry_sources import traces
from migrator.istio.mesh import Mesh
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class TracingLost(Rule):
    """Sidecars report spans, and ztunnel reports none.

    ## Why
    A call between two sidecars has two spans. In ambient it has one if a waypoint stands between, and none
    if not; traces end where a service without waypoint begins.

    ## Fix
    Give the Services whose spans are needed a waypoint, or let the applications report their own. Tell
    the readers of traces that a call has one span of the mesh from now on.

    ## References
    - istio/istio pilot/pkg/model/telemetry.go (`Tracing`)
    - https://istio.io/latest/docs/ambient/usage/l7-features/
    """

    code = "AMB413"
    severity = Severity.WARNING
    inputs = kinds.INJECTION | {kinds.TELEMETRY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for source in traces(mesh):
            yield self.finding(
                source.resource,
                f"{source.said} makes sidecars report spans. ztunnel reports none, and a waypoint one "
                "where two sidecars reported two.",
                fix="Give Services whose spans are needed a waypoint.",
                path=source.path,
                affects=source.apps,
            )
