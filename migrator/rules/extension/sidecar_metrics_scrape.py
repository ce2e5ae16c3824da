"""AMB416, Prometheus asks sidecars."""

from collections.abc import Iterator, Mapping
from typing import Any

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Refs, Rule, refs_of

_PORTS = {"http-envoy-prom", "15090", "15020"}
_LISTS = {kinds.POD_MONITOR: "podMetricsEndpoints", kinds.SERVICE_MONITOR: "endpoints"}


class SidecarMetricsScrape(Rule):
    """A PodMonitor or ServiceMonitor scrapes sidecars, which are gone in ambient.

    ## Why
    The ports 15020 and 15090 belong to the sidecar. Prometheus marks the targets as down, or finds none,
    and nobody reads the metrics of ztunnel and of waypoints.

    ## Fix
    Add a PodMonitor for ztunnel and one for waypoints, both on port 15020, and scrape the applications'
    own ports directly.

    ## References
    - istio/istio manifests/charts/istio-control/istio-discovery/files/waypoint.yaml
    - istio/istio samples/addons/extras/prometheus-operator.yaml
    """

    code = "AMB416"
    severity = Severity.WARNING
    inputs = kinds.INJECTION | frozenset(_LISTS)

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        everyone = refs_of(mesh.meshed if any(map(mesh.of, _LISTS)) else ())
        for kind, key in _LISTS.items():
            for monitor in mesh.of(kind):
                endpoints = enumerate(monitor.spec.get(key) or ())
                asked = [(i, port) for i, one in endpoints if (port := _sidecar_port(one))]
                apps = _scraped(mesh, monitor, everyone) if asked else everyone
                for i, port in asked:
                    if apps:
                        yield self.finding(
                            monitor,
                            f"This {kind.kind} scrapes port {port} of sidecars, which nobody listens on "
                            "in ambient.",
                            fix="Scrape ztunnel and waypoints on port 15020, and the applications on "
                            "their own ports.",
                            path=field("spec", key, i),
                            affects=apps,
                        )


def _sidecar_port(endpoint: Mapping[str, Any]) -> str:
    named = {str(endpoint.get(key) or "") for key in ("port", "targetPort", "portNumber")}
    return next(iter(sorted(named & _PORTS)), "")


def _scraped(mesh: Mesh, monitor: Resource, everyone: Refs) -> Refs:
    """A ServiceMonitor selects Services by their labels: those of its namespaces count."""
    where = monitor.spec.get("namespaceSelector") or {}
    by_pod = monitor.ref.group_kind == kinds.POD_MONITOR
    wanted = monitor.spec.get("selector") if by_pod else None
    if where.get("any") and not wanted:
        return everyone
    named = where.get("matchNames") or [monitor.namespace]
    homes = [mesh.labelled] if where.get("any") else [mesh.labelled_in(name) for name in named]
    selected = (w for home in homes for w in home.selected(wanted))
    return refs_of(w for w in selected if w.ref in mesh.meshed_refs)
