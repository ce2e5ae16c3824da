"""AMB414, somebody who acts on sidecars' HTTP metrics."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.extensions.metric_queries import HTTP, READERS, queries
from migrator.istio.mesh import Mesh
from migrator.istio.workloads import Workload
from migrator.model.finding import Finding, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule


class HttpMetricsLost(Rule):
    """A query asks for HTTP metrics that sidecars report, and ztunnel reports none.

    ## Why
    Without a waypoint only `istio_tcp_*` is left. With one, requests are reported once, with
    `reporter="waypoint"`. Alerts fall silent; a rollout or an autoscaler that rests on such a query stops
    or acts on nothing.

    ## Fix
    Give the Services a waypoint and ask for `reporter=~"destination|waypoint"`, or let the application
    report. Pause rollouts and autoscalers that rest on the query during the move.

    ## References
    - istio/istio pilot/pkg/networking/core/listener_waypoint.go
    - https://istio.io/latest/docs/ambient/usage/l7-features/
    """

    code = "AMB414"
    severity = Severity.BLOCKER
    inputs = kinds.INJECTION | frozenset(READERS)

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for kind in READERS if mesh.meshed else ():
            for resource in mesh.of(kind):
                only_told = kind == kinds.PROMETHEUS_RULE
                affected = mesh.meshed if only_told else _acted_on(mesh, resource)
                for query in queries(resource) if affected else ():
                    if metric := query.asks_for(HTTP):
                        yield self.finding(
                            resource,
                            f"This {kind.kind} asks for {metric}. ztunnel does not report it, a waypoint "
                            'does with reporter="waypoint".',
                            fix='Ask for reporter=~"destination|waypoint" and give the Services a '
                            "waypoint, or use a metric of the application.",
                            path=query.path,
                            severity=Severity.WARNING if only_told else Severity.BLOCKER,
                            affects=() if only_told else affected,
                        )


def _acted_on(mesh: Mesh, resource: Resource) -> tuple[Workload, ...]:
    """The target that it names, else all workloads to be moved of its namespace."""
    target = resource.spec.get("scaleTargetRef") or resource.spec.get("targetRef") or {}
    here = mesh.meshed_in(resource.namespace)
    named = target.get("name")
    return tuple(w for w in here if w.name == named) if named else here
