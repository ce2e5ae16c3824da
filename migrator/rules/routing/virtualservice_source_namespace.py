"""AMB205, routing by the caller's namespace."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.routing import route_matches
from migrator.istio.traffic.virtualservices import concerned
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class VirtualserviceSourceNamespace(Rule):
    """An HTTP route matches callers by `sourceNamespace`, which a waypoint compares with its own.

    ## Why
    The namespace is that of the proxy that evaluates the route. At a waypoint every caller looks as if
    it came from the waypoint's namespace: the route matches all of them, or none.

    ## Fix
    Tell callers apart by a header, or give them a Service of their own. For access control use an
    AuthorizationPolicy with `source.namespaces`.

    ## References
    - istio/istio pilot/pkg/networking/core/route/route.go (`sourceMatchHTTP`)
    - istio/istio pilot/pkg/networking/core/listener_waypoint.go
    """

    code = "AMB205"
    severity = Severity.BLOCKER
    inputs = kinds.INJECTION | {kinds.VIRTUAL_SERVICE, kinds.SERVICE}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for vs in mesh.routing.mesh_virtual_services:
            services = concerned(mesh, vs)
            for kind, path, match in route_matches(vs):
                namespace = match.get("sourceNamespace")
                if kind != "http" or not namespace or not services:
                    continue
                home = mesh.waypoints.home_of(services[0])
                outcome = "all callers" if namespace == home else "no caller"
                yield self.finding(
                    vs,
                    f"The match asks for callers of namespace {namespace}. A waypoint in {home} "
                    f"compares that with its own namespace, so {outcome} will match.",
                    fix="Match a header that these callers send, or give them a Service of their own.",
                    path=f"{path}.{field('sourceNamespace')}",
                    affects=[w for s in services for w in mesh.services.workloads(s)],
                    callers=["ambient"],
                )
