"""AMB406, a rate limit in each sidecar."""

import re
from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.extensions.envoyfilter import first_naming, on_sidecars
from migrator.istio.mesh import Mesh
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule

_FILTER = re.compile(
    r"envoy\.filters\.http\.local_ratelimit|extensions\.filters\.http\.local_ratelimit\.v3"
)


class LocalRateLimit(Rule):
    """An EnvoyFilter limits the rate of requests in each sidecar.

    ## Why
    ztunnel limits nothing. A waypoint can carry the same filter, but counts for each of its own replicas:
    N pods with a limit of L allowed N times L, M waypoints allow M times L.

    ## Fix
    Give an EnvoyFilter with `targetRefs` to the waypoint, with the limit set for its replicas, or let the
    application or a gateway limit.

    ## References
    - https://istio.io/latest/docs/tasks/policy-enforcement/rate-limit/
    - istio/istio pilot/pkg/model/push_context.go (`getMatchedEnvoyFilters`)
    """

    code = "AMB406"
    severity = Severity.BLOCKER
    inputs = kinds.INJECTION | {kinds.ENVOY_FILTER}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for patched in on_sidecars(mesh):
            named = first_naming(patched.patches, _FILTER)
            if named is not None:
                patch, found = named
                yield self.finding(
                    patched.resource,
                    f"Each sidecar limits requests by {found}. ztunnel limits nothing, and a waypoint "
                    "counts for each of its own replicas.",
                    fix="Move the limit to an EnvoyFilter with targetRefs for the waypoint, and set it "
                    "for the number of its replicas.",
                    path=patch.path,
                    affects=patched.apps,
                )
