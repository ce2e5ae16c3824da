"""AMB407, a rate limit service that sidecars ask."""

import re
from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.extensions.envoyfilter import first_naming, on_sidecars
from migrator.istio.mesh import Mesh
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule

_FILTER = re.compile(
    r"(?<!local_)envoy\.filters\.http\.ratelimit\b|extensions\.filters\.http\.ratelimit\.v3|\bconfig\.ratelimit\.v3"
)


class GlobalRateLimit(Rule):
    """An EnvoyFilter lets sidecars ask a rate limit service.

    ## Why
    ztunnel asks nobody. Requests are no longer limited once the sidecar is gone, and the rate limit service
    sees no descriptors.

    ## Fix
    Give an EnvoyFilter with `targetRefs` to the waypoint, and make sure that the rate limit service can be
    reached from there.

    ## References
    - https://istio.io/latest/docs/tasks/policy-enforcement/rate-limit/
    - istio/istio pilot/pkg/model/push_context.go (`getMatchedEnvoyFilters`)
    """

    code = "AMB407"
    severity = Severity.BLOCKER
    inputs = kinds.INJECTION | {kinds.ENVOY_FILTER}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for patched in on_sidecars(mesh):
            named = first_naming(patched.patches, _FILTER)
            if named is not None:
                patch, found = named
                yield self.finding(
                    patched.resource,
                    f"Sidecars ask a rate limit service ({found}). ztunnel asks nobody: requests are no "
                    "longer limited.",
                    fix="Move it to an EnvoyFilter with targetRefs for the waypoint, or to the gateway.",
                    path=patch.path,
                    affects=patched.apps,
                )
