"""AMB204, routing by the caller's labels."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.routing import route_matches
from migrator.istio.traffic.virtualservices import concerned
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class VirtualserviceSourceLabels(Rule):
    """An HTTP route matches callers by `sourceLabels`, which a waypoint cannot know.

    ## Why
    The labels are those of the proxy that evaluates the route. At a waypoint that is the waypoint: the
    whole match block is left out, and requests fall to the next route.

    ## Fix
    Tell callers apart by what is in the request: a header, another path, or a Service of their own.

    ## References
    - istio/istio releasenotes/notes/51565.yaml
    - istio/istio pilot/pkg/networking/core/listener_waypoint.go
    """

    code = "AMB204"
    severity = Severity.BLOCKER
    inputs = kinds.INJECTION | {kinds.VIRTUAL_SERVICE, kinds.SERVICE}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for vs in mesh.routing.mesh_virtual_services:
            services = concerned(mesh, vs)
            for kind, path, match in route_matches(vs):
                labels = match.get("sourceLabels")
                if kind != "http" or not labels or not services:
                    continue
                said = ", ".join(f"{key}={value}" for key, value in sorted(labels.items()))
                yield self.finding(
                    vs,
                    f"The match asks for callers with {said}. At a waypoint the block is left out, "
                    "and these callers fall to the next route.",
                    fix="Match a header that these callers send, or give them a Service of their own.",
                    path=f"{path}.{field('sourceLabels')}",
                    affects=[w for s in services for w in mesh.services.workloads(s)],
                    callers=["ambient"],
                )
