"""AMB202, a consumer's own routing."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.virtualservices import concerned, read_at_waypoint
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class VirtualserviceInConsumerNamespace(Rule):
    """A VirtualService for a Service stands in a namespace where no waypoint of the Service looks.

    ## Why
    A waypoint reads VirtualServices of the Service's namespace and of its own. One in a consumer's
    namespace shaped that consumer's calls in its sidecars; in ambient nobody reads it.

    ## Fix
    Move what all callers should get to the Service's namespace. What only this consumer should get needs
    another way: a Service of its own, or a header that the route matches.

    ## References
    - istio/istio pilot/pkg/networking/core/listener_waypoint.go
    """

    code = "AMB202"
    severity = Severity.BLOCKER
    inputs = kinds.INJECTION | {kinds.VIRTUAL_SERVICE, kinds.SERVICE}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for vs in mesh.routing.mesh_virtual_services:
            foreign = [s for s in concerned(mesh, vs) if not read_at_waypoint(mesh, vs, s)]
            if not foreign:
                continue
            names = ", ".join(s.host for s in foreign)
            yield self.finding(
                vs,
                f"It routes calls to {names} from namespace {vs.namespace}. A waypoint of that "
                f"Service does not read {vs.namespace}: once callers are ambient, nobody applies "
                "it.",
                fix=f"Move it to namespace {foreign[0].namespace} if all callers should get it; "
                "give this consumer a Service of its own otherwise.",
                path=field("metadata", "namespace"),
                affects=[w for s in foreign for w in mesh.services.workloads(s)],
                callers=["ambient"],
            )
