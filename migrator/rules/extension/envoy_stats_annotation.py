"""AMB418, statistics of a sidecar's Envoy."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule

_PREFIXES = (
    "sidecar.istio.io/statsInclusion",
    "sidecar.istio.io/extraStatTags",
    "sidecar.istio.io/statsHistogramBuckets",
    "sidecar.istio.io/statsEvictionInterval",
)


class EnvoyStatsAnnotation(Rule):
    """An annotation chooses statistics of the sidecar's Envoy, which ztunnel does not have.

    ## Why
    ztunnel reports a fixed set of metrics. Cluster and listener statistics of Envoy end with the sidecar.

    ## Fix
    Remove the annotation after the move; where somebody reads these statistics, look for the same in
    ztunnel's metrics or at a waypoint.

    ## References
    - istio.io/api annotation/annotations.gen.go (`sidecar.istio.io/statsInclusionPrefixes`)
    """

    code = "AMB418"
    severity = Severity.INFO
    remedy = Remedy.NONE
    inputs = kinds.INJECTION

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for workload in mesh.meshed:
            for key, value in workload.annotations.items():
                if key.startswith(_PREFIXES):
                    yield self.finding(
                        workload.resource,
                        f"{key}: {value} chooses statistics of the sidecar's Envoy; ztunnel has none of "
                        "them.",
                        fix="Remove it after the move, unless somebody reads these statistics.",
                        path=workload.path("metadata", "annotations", key),
                        affects=[workload],
                    )
