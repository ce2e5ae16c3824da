"""AMB201, mesh routing that nobody does without a waypoint."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.egress import detours, loose_entries
from migrator.istio.traffic.routefields import http_features
from migrator.istio.traffic.virtualservices import apps, concerned
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule


class VirtualserviceNeedsWaypoint(Rule):
    """A VirtualService routes calls inside the mesh, which sidecars do and ztunnel does not.

    ## Why
    Routing to subsets, retries, timeouts, faults, mirrors and rewrites happen in the caller's sidecar.
    An ambient caller has none; only a waypoint of the destination reads the VirtualService.

    ## Fix
    `migrate plan` makes a waypoint and binds the Service to it. In the long run an HTTPRoute with the
    Service as parent is the form that ambient supports best: `migrate plan --routes httproute` writes it
    where it answers every request as before. An external host needs an egress waypoint, which
    `migrate plan` does not make.

    ## References
    - istio/istio pilot/pkg/networking/core/listener_waypoint.go
    - https://istio.io/latest/docs/ambient/usage/l7-features/
    """

    code = "AMB201"
    severity = Severity.BLOCKER
    remedy = Remedy.AUTOMATIC
    inputs = kinds.INJECTION | {kinds.VIRTUAL_SERVICE, kinds.SERVICE, kinds.SERVICE_ENTRY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for vs in mesh.routing.mesh_virtual_services:
            unbound = [
                s
                for s in concerned(mesh, vs)
                if mesh.waypoints.bound_to(s).gateway is None
                and mesh.routing.is_read_at_waypoint(vs, s, s.namespace)
            ]
            if not unbound:
                continue
            names = ", ".join(s.host for s in unbound)
            yield self.finding(
                vs,
                f"It routes calls of the mesh to {names}. Ambient callers do not see it: their "
                "calls go to the Service as if it were not there, until a waypoint stands in "
                "front.",
                fix="Put a waypoint in front of the Service; `migrate plan` does it.",
                path=field("spec", "hosts"),
                affects=apps(mesh, unbound),
                callers=["ambient"],
            )
        yield from self._external(mesh)

    def _external(self, mesh: Mesh) -> Iterator[Finding]:
        """The same for external hosts; what leads to a gateway has a rule of its own."""
        routes = mesh.routing.mesh_virtual_services if mesh.meshed else ()
        led_away = {detour.virtual_service.ref for detour in detours(mesh, routes)}
        for vs in routes:
            shaped = [use.name for use in http_features(vs)]
            entries = loose_entries(mesh, vs.spec.get("hosts") or ())
            if vs.ref not in led_away and shaped and entries:
                yield self.finding(
                    vs,
                    f"It asks for {', '.join(dict.fromkeys(shaped))} in calls to hosts outside, of "
                    f"{', '.join(str(e.ref) for e in entries)}. ztunnel does nothing of it.",
                    fix="Bind the ServiceEntry to an egress waypoint (istio.io/use-waypoint).",
                    path=field("spec", "hosts"),
                    severity=Severity.WARNING,
                    remedy=Remedy.MANUAL,
                    affects=entries,
                    callers=["ambient"],
                )
