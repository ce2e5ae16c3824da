"""AMB416, Prometheus asks sidecars."""

from collections.abc import Iterator, Mapping
from typing import Any

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.selectors import selects
from migrator.istio.workloads import Workload
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule

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
        for kind, key in _LISTS.items():
            for monitor in mesh.of(kind):
                apps = _scraped(mesh, monitor)
                for i, endpoint in enumerate(monitor.spec.get(key) or ()):
                    if apps and (port := _sidecar_port(endpoint)):
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


def _scraped(mesh: Mesh, monitor: Resource) -> list[Workload]:
    """A ServiceMonitor selects Services by their labels: those of its namespaces count."""
    where = monitor.spec.get("namespaceSelector") or {}
    named = where.get("matchNames") or [monitor.namespace]
    by_pod = monitor.ref.group_kind == kinds.POD_MONITOR
    return [
        w
        for w in mesh.meshed
        if (where.get("any") or w.namespace in named)
        and (not by_pod or selects(monitor.spec.get("selector"), w.labels))
    ]
