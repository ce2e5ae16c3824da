"""AMB227, calls that stick to a pod."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.policies.clientpolicy import uses
from migrator.istio.services import Service
from migrator.istio.traffic.destinationrules import applied_to, has_waypoint, listed
from migrator.istio.traffic.virtualservices import apps
from migrator.istio.versions import Version
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule

_HASHES_SINCE = Version(1, 31)


class ConsistentHash(Rule):
    """A DestinationRule keeps calls of one client on one pod (`consistentHash`), which ztunnel does not do.

    ## Why
    ztunnel balances connections among the pods. A waypoint hashes, but before Istio 1.31 only where a
    VirtualService routes the Service: without one it picks a pod at random.

    ## Fix
    Bind the Service to a waypoint, before 1.31 together with a VirtualService that only routes to it; and
    test it.

    ## References
    - istio/istio releasenotes/notes/61045.yaml
    - istio/istio pilot/pkg/networking/core/cluster_waypoint.go
    """

    code = "AMB227"
    severity = Severity.WARNING
    inputs = kinds.WAYPOINT_REASONS

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for rule in mesh.of(kinds.DESTINATION_RULE):
            found = uses(rule, "loadBalancer.consistentHash")
            services = applied_to(mesh, rule) if found else ()
            without = [s for s in services if not has_waypoint(mesh, s)]
            random = [s for s in services if s not in without and not _is_hashed(mesh, s)]
            if without or random:
                yield self.finding(
                    rule,
                    f"It keeps calls to {listed(s.host for s in (*without, *random))} on one pod "
                    "each. "
                    + (
                        f"A waypoint of Istio {mesh.istio_version}{_assumed(mesh)} does not "
                        "without a VirtualService: pods are picked at random."
                        if random
                        else "Without a waypoint nobody does: ztunnel balances connections."
                    ),
                    fix="Bind the Service to a waypoint, and before Istio 1.31 route it; then test.",
                    path=found[0].path,
                    severity=Severity.BLOCKER if random else Severity.WARNING,
                    affects=apps(mesh, (*without, *random)),
                    callers=["ambient"],
                )


def _is_hashed(mesh: Mesh, service: Service) -> bool:
    home = mesh.waypoints.home_of(service)
    routed = any(
        mesh.routing.is_read_at_waypoint(vs, service, home)
        for vs in mesh.routing.virtual_services_for(service)
    )
    return routed or mesh.istio_version >= _HASHES_SINCE


def _assumed(mesh: Mesh) -> str:
    return " (assumed)" if mesh.version_is_assumed else ""
