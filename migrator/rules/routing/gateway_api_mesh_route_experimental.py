"""AMB247, fields that are not settled."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.destinationrules import listed
from migrator.istio.traffic.virtualservices import apps, is_meshed
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule

_EXPERIMENTAL = ("retry", "sessionPersistence")


class GatewayApiMeshRouteExperimental(Rule):
    """A mesh route uses fields of the Gateway API's experimental channel, which waypoints support in part.

    ## Why
    `retry` and `sessionPersistence` are not in the standard channel: with its CRDs they are dropped without a
    word, and what a waypoint makes of them differs from version to version.

    ## Fix
    Install the experimental channel's CRDs if you rely on them, and test the route behind the waypoint.

    ## References
    - https://gateway-api.sigs.k8s.io/concepts/versioning/
    - https://istio.io/latest/docs/ambient/usage/l7-features/
    """

    code = "AMB247"
    severity = Severity.WARNING
    inputs = kinds.INJECTION | {kinds.SERVICE, kinds.HTTP_ROUTE}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for route in mesh.of(kinds.HTTP_ROUTE):
            parents = [mesh.services.get(ref) for ref in mesh.routing.service_parents(route)]
            services = [s for s in parents if s is not None and is_meshed(mesh, s)]
            for i, one in enumerate(route.spec.get("rules") or ()):
                for name in _EXPERIMENTAL:
                    if one.get(name) and services:
                        yield self.finding(
                            route,
                            f"It asks for {name} in calls to {listed(s.host for s in services)}, a "
                            "field of the experimental channel: what a waypoint makes of it is "
                            "not settled.",
                            fix="Test the route behind the waypoint.",
                            path=field("spec", "rules", i, name),
                            affects=apps(mesh, services),
                            callers=["ambient"],
                        )
