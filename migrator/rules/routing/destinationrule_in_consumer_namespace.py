"""AMB220, a consumer's own client policy."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.destinationrules import shapes
from migrator.istio.traffic.virtualservices import is_meshed
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class DestinationruleInConsumerNamespace(Rule):
    """A DestinationRule for a Service stands in a namespace where no waypoint of the Service looks.

    ## Why
    A waypoint looks for DestinationRules in its own namespace, in the Service's, and in the root
    namespace. One in a consumer's namespace shaped that consumer's calls in its sidecars; in ambient
    nobody reads it.

    ## Fix
    Move it to the Service's namespace, exported to where the waypoint is, if all callers should get it.

    ## References
    - istio/istio pilot/pkg/networking/core/cluster_waypoint.go
    - istio/istio pilot/pkg/model/push_context.go (`destinationRule`)
    """

    code = "AMB220"
    severity = Severity.BLOCKER
    inputs = kinds.INJECTION | {kinds.DESTINATION_RULE, kinds.SERVICE}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        root = mesh.config.root_namespace
        for rule in mesh.of(kinds.DESTINATION_RULE):
            services = mesh.routing.services_matching(rule.spec.get("host", ""), rule.namespace)
            foreign = [s for s in services if s.namespace != rule.namespace and is_meshed(mesh, s)]
            homes = {g.namespace for s in foreign if (g := mesh.waypoints.bound_to(s).gateway)}
            if not foreign or rule.namespace == root or rule.namespace in homes or not shapes(rule):
                continue
            yield self.finding(
                rule,
                f"It shapes calls to {', '.join(s.host for s in foreign)} from namespace "
                f"{rule.namespace}, where no waypoint of that Service looks: once callers are "
                "ambient, nobody applies it.",
                fix=f"Move it to namespace {foreign[0].namespace} if all callers should get it.",
                path=field("spec", "host"),
                affects=[w for s in foreign for w in mesh.services.workloads(s)],
                callers=["ambient"],
            )
