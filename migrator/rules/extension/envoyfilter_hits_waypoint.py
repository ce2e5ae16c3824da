"""AMB402, a patch that also reaches waypoints."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.extensions.envoyfilter import patches
from migrator.istio.mesh import Mesh
from migrator.istio.policies.attachment import selector_labels
from migrator.istio.policies.targets import target_refs
from migrator.istio.traffic.fronts import front_of
from migrator.istio.versions import Version
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule

_MENDED = Version(1, 27)


class EnvoyfilterHitsWaypoint(Rule):
    """An EnvoyFilter for sidecars has no selector, and before Istio 1.27 it patches waypoints, too.

    ## Why
    Until 1.26 a filter without selector of the root namespace, or of the waypoint's, acts on waypoints
    as well. A patch made for a sidecar's listeners may break one, or limit all Services behind it.

    ## Fix
    Upgrade Istio to 1.27 or later, where waypoints read filters only with `targetRefs`; or give the
    filter a selector.

    ## References
    - https://istio.io/latest/news/releases/1.27.x/announcing-1.27/change-notes/
    """

    code = "AMB402"
    severity = Severity.WARNING
    inputs = kinds.WAYPOINT_REASONS

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        if mesh.istio_version >= _MENDED:
            return
        fronts = [front for s in mesh.services.all if (front := front_of(mesh, s))]
        for filter_ in mesh.of(kinds.ENVOY_FILTER):
            if target_refs(filter_) or selector_labels(filter_):
                continue
            everywhere = filter_.namespace == mesh.config.root_namespace
            hit = [f for f in fronts if everywhere or f.gateway.namespace == filter_.namespace]
            found = [p for p in patches(filter_, mesh.istio_version) if p.on_sidecars]
            if hit and found:
                names = ", ".join(sorted({f"{f.gateway.namespace}/{f.gateway.name}" for f in hit}))
                yield self.finding(
                    filter_,
                    f"This EnvoyFilter has no selector; with Istio {mesh.istio_version} it also patches "
                    f"the waypoint {names}.",
                    fix="Upgrade Istio to 1.27 or later, or give the filter a workloadSelector.",
                    path=found[0].path,
                    affects=[f.service.ref for f in hit],
                )
