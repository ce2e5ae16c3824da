"""AMB404, a patch of a waypoint's routes."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.extensions.envoyfilter import patches
from migrator.istio.mesh import Mesh
from migrator.istio.policies.targets import targets
from migrator.model.finding import Finding, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule


class EnvoyfilterRoutePatch(Rule):
    """An EnvoyFilter patches routes of a waypoint, which does not apply it to routes of its own making.

    ## Why
    A waypoint builds its routes inside the listener. Where they come from a VirtualService or an HTTPRoute,
    patches of HTTP_ROUTE and VIRTUAL_HOST are passed over.

    ## Fix
    Say it in the VirtualService or HTTPRoute itself, or patch an HTTP_FILTER instead.

    ## References
    - istio/istio pilot/pkg/networking/core/listener_waypoint.go
    """

    code = "AMB404"
    severity = Severity.BLOCKER
    inputs = frozenset({kinds.ENVOY_FILTER, kinds.GATEWAY})

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for filter_ in mesh.of(kinds.ENVOY_FILTER):
            if not _is_for_waypoint(mesh, filter_):
                continue
            for patch in patches(filter_, None):
                if patch.on_routes:
                    yield self.finding(
                        filter_,
                        f"This EnvoyFilter patches {patch.apply_to} of a waypoint; routes that come from "
                        "a VirtualService or HTTPRoute are not patched there.",
                        fix="Say it in the route's own resource, or patch an HTTP_FILTER.",
                        path=patch.path,
                    )


def _is_for_waypoint(mesh: Mesh, filter_: Resource) -> bool:
    waypoints = {
        gateway.ref
        for gateway in mesh.of(kinds.GATEWAY)
        if gateway.spec.get("gatewayClassName") == names.WAYPOINT_CLASS
    }
    return any(
        ref in waypoints
        or (ref.group_kind == kinds.GATEWAY_CLASS and ref.name == names.WAYPOINT_CLASS)
        for ref, _ in targets(filter_)
    )
