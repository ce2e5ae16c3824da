"""AMB226, subsets that nobody routes to."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.destinationrules import listed, meshed_services
from migrator.istio.traffic.routing import destinations
from migrator.istio.traffic.virtualservices import apps
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule


class DestinationruleSubsetsUnused(Rule):
    """A DestinationRule defines subsets to which no VirtualService leads.

    ## Why
    A subset without a route is a name and no more: it does nothing today, and is no reason for a waypoint.
    Tools that change routes while they roll out a version may use it later.

    ## Fix
    Delete the subsets, or leave them.

    ## References
    - istio.io/api networking/v1alpha3/destination_rule.proto (`Subset`)
    """

    code = "AMB226"
    severity = Severity.INFO
    remedy = Remedy.NONE
    inputs = kinds.INJECTION | {kinds.DESTINATION_RULE, kinds.SERVICE, kinds.VIRTUAL_SERVICE}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        routed = {
            (service.ref, one.body.get("subset"))
            for vs in mesh.of(kinds.VIRTUAL_SERVICE)
            for one in destinations(vs)
            if (service := mesh.routing.service_of(one.host, vs.namespace)) is not None
        }
        for rule in mesh.of(kinds.DESTINATION_RULE):
            subsets = [subset.get("name", "") for subset in rule.spec.get("subsets") or ()]
            services = meshed_services(mesh, rule)
            if not subsets or not services:
                continue
            if not any((s.ref, name) in routed for s in services for name in subsets):
                yield self.finding(
                    rule,
                    f"No VirtualService leads to its subsets {', '.join(subsets)} of "
                    f"{listed(s.host for s in services)}: they are no reason for a waypoint.",
                    fix="Delete them if nothing else uses them.",
                    path=field("spec", "subsets"),
                    affects=apps(mesh, services),
                )
