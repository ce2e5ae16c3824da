"""AMB401, a patch of sidecars' Envoy."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.extensions.envoyfilter import on_sidecars
from migrator.istio.mesh import Mesh
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class EnvoyfilterSidecar(Rule):
    """An EnvoyFilter patches the sidecars of workloads, which have no Envoy in ambient.

    ## Why
    ztunnel is no Envoy, and waypoints read EnvoyFilters only with `targetRefs` (from Istio 1.27 on). What
    the patch does, be it protection, limits or headers, ends with the sidecar.

    ## Fix
    Say the same by HTTPRoute, AuthorizationPolicy or Telemetry; or give an EnvoyFilter with `targetRefs`
    to the waypoint's Gateway, in the waypoint's namespace (alpha). Its context is then SIDECAR_INBOUND.

    ## References
    - istio/istio pilot/pkg/model/push_context.go (`getMatchedEnvoyFilters`)
    - https://istio.io/latest/docs/ambient/usage/l7-features/
    """

    code = "AMB401"
    severity = Severity.BLOCKER
    inputs = kinds.INJECTION | {kinds.ENVOY_FILTER}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for filter_, patches, apps in on_sidecars(mesh):
            said = dict.fromkeys(patch.said for patch in patches)
            yield self.finding(
                filter_,
                f"This EnvoyFilter patches sidecars: {'; '.join(said)}. Nothing of it is left in ambient.",
                fix="Express it by Istio's own resources, or as an EnvoyFilter with targetRefs to the "
                "waypoint's Gateway.",
                path=patches[0].path,
                affects=apps,
            )
