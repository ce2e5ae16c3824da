"""AMB415, a sum over connections that are now counted more than once."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.extensions.metric_queries import TCP, queries
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.fronts import front_of
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule


class TcpMetricsDoubleCount(Rule):
    """A rule of Prometheus sums `istio_tcp_*`, which a path through a waypoint reports several times.

    ## Why
    The ztunnels at both ends and the waypoint each report the connection: caller to waypoint, waypoint to
    server. A sum over all of them counts the same bytes more than once.

    ## Fix
    Pick one hop in the query: `reporter="destination"`, and the workload that is meant.

    ## References
    - https://istio.io/latest/docs/reference/config/metrics/
    """

    code = "AMB415"
    severity = Severity.INFO
    remedy = Remedy.NONE
    inputs = kinds.WAYPOINT_REASONS | {kinds.PROMETHEUS_RULE}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        rules = mesh.of(kinds.PROMETHEUS_RULE)
        if not rules or not any(front_of(mesh, service) for service in mesh.services.all):
            return
        for resource in rules:
            for query in queries(resource):
                metric = query.asks_for(TCP)
                if metric and "reporter" not in query.query:
                    yield self.finding(
                        resource,
                        f"This rule uses {metric} of every reporter; a path through a waypoint is "
                        "reported by each hop.",
                        fix='Pick one hop by reporter="destination" and the workload that is meant.',
                        path=query.path,
                    )
