"""AMB405, a patch of gateways only."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.extensions.envoyfilter import patches
from migrator.istio.mesh import Mesh
from migrator.istio.policies.targets import target_refs
from migrator.istio.workloads import Role
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule


class EnvoyfilterGateway(Rule):
    """An EnvoyFilter patches gateways only, which keep their Envoy.

    ## Why
    Gateways are not moved: they have their own Envoy before and after. Waypoints do not read a filter
    without `targetRefs`.

    ## Fix
    Nothing to do.

    ## References
    - istio/istio pilot/pkg/model/push_context.go (`getMatchedEnvoyFilters`)
    """

    code = "AMB405"
    severity = Severity.INFO
    remedy = Remedy.NONE
    inputs = kinds.WORKLOADS - kinds.NAMESPACES | kinds.CONFIG_SOURCES | {kinds.ENVOY_FILTER}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for filter_ in mesh.of(kinds.ENVOY_FILTER):
            gateways = [w for w in mesh.attachments.workloads_of(filter_) if w.role is Role.GATEWAY]
            if target_refs(filter_) or not gateways:
                continue
            every = list(patches(filter_, None))
            by_context = all(patch.context == "GATEWAY" for patch in every)
            by_selector = len(gateways) == len(mesh.attachments.workloads_of(filter_))
            if every and (by_context or by_selector):
                yield self.finding(
                    filter_,
                    f"This EnvoyFilter patches {', '.join(w.name for w in gateways)} only, which keeps "
                    "its Envoy.",
                    fix="Nothing to do.",
                    affects=gateways,
                )
