"""AMB516, a waypoint that does not let others in."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.mesh import Mesh
from migrator.istio.waypoint.waypoint_acceptance import admits
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.model.resource import Ref
from migrator.rules.base import Rule


class WaypointAttachmentDenied(Rule):
    """A Service or namespace asks for a waypoint whose listener does not allow the namespace.

    ## Why
    A waypoint's listener says which namespaces may use it (`allowedRoutes`), by default its own only. A
    refused binding counts as none: calls go straight to the pods, and policies there are skipped.

    ## Fix
    Let the listener allow the namespace, by `from: All` or a selector, or use a waypoint of its own.

    ## References
    - istio/istio pilot/pkg/serviceregistry/ambient/waypoints.go (`AllowsAttachmentFromNamespace`)
    """

    code = "AMB516"
    severity = Severity.BLOCKER
    inputs = (
        frozenset({kinds.NAMESPACE, kinds.SERVICE, kinds.SERVICE_ENTRY, kinds.GATEWAY})
        | kinds.WORKLOADS
    )

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for resource in (
            *mesh.of(kinds.NAMESPACE), *mesh.of(kinds.SERVICE), *mesh.of(kinds.SERVICE_ENTRY),
        ):  # fmt: skip
            name = resource.labels.get(names.USE_WAYPOINT)
            own = (
                resource.name if resource.ref.group_kind == kinds.NAMESPACE else resource.namespace
            )
            home = resource.labels.get(names.USE_WAYPOINT_NAMESPACE, own)
            gateway = mesh.snapshot.get(Ref(*kinds.GATEWAY, home, name)) if name else None
            if gateway is not None and not admits(mesh, gateway, own):
                label = names.USE_WAYPOINT if home == own else names.USE_WAYPOINT_NAMESPACE
                yield self.finding(
                    resource,
                    f"It asks for waypoint {home}/{name}, whose listener does not allow namespace "
                    f"{own}: the binding is refused, calls go straight to the pods.",
                    fix=f"Let the listener of Gateway {home}/{name} allow namespace {own} "
                    "(allowedRoutes.namespaces).",
                    path=field("metadata", "labels", label),
                    callers=["ambient"],
                )
