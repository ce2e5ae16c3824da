"""AMB115, a waypoint that can be walked around."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.policies.authz import Level, is_dry_run
from migrator.istio.policies.identity_rules import names_waypoint
from migrator.istio.services import Service
from migrator.istio.traffic.fronts import principal
from migrator.istio.workloads import Role, Workload
from migrator.model.finding import Effect, Finding, Remedy, Severity
from migrator.model.resource import Ref
from migrator.rules.base import Rule

_SWITCH = "PILOT_AUTO_ALLOW_WAYPOINT_POLICY"


class DenyWaypointBypassMissing(Rule):
    """A waypoint enforces HTTP policies of a Service whose workloads also accept calls around it.

    ## Why
    No component refuses traffic that skipped the waypoint. Sidecars never use one, callers outside the
    mesh and calls to pod addresses do not either: for all of them the policies do not exist.

    ## Fix
    Guard the workloads: deny whatever does not carry the waypoint's identity. `migrate plan` makes the
    guard, once all callers go through the waypoint.

    ## References
    - istio/istio pilot/pkg/xds/endpoints/endpoint_builder.go (sidecars skip waypoints)
    - istio/istio pilot/pkg/features/ambient.go (`PILOT_AUTO_ALLOW_WAYPOINT_POLICY`)
    """

    code = "AMB115"
    severity = Severity.BLOCKER
    remedy = Remedy.AUTOMATIC
    inputs = kinds.WORKLOADS | kinds.CONFIG_SOURCES | {kinds.SERVICE, kinds.AUTHORIZATION_POLICY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        if any(c.env.get(_SWITCH) == "true" for c in mesh.control_planes):
            return
        for service in mesh.services.all:
            gateway = mesh.waypoints.bound_to(service).gateway
            if gateway is None or not _http_policies(mesh, service):
                continue
            behind = [w for w in mesh.services.workloads(service) if w.role is Role.APP]
            open_ones = [w for w in behind if not _is_guarded(mesh, w, gateway)]
            if open_ones:
                yield self.finding(
                    service.resource,
                    f"Waypoint {gateway.name} enforces HTTP policies for this Service, and nothing "
                    f"keeps callers from reaching {', '.join(w.name for w in open_ones)} without it.",
                    fix=f"Deny whatever does not carry {principal(mesh, gateway)}; `migrate plan` "
                    "makes such a guard.",
                    affects=open_ones,
                    callers=["sidecar", "outside"],
                    effect=Effect.OPEN,
                )


def _http_policies(mesh: Mesh, service: Service) -> bool:
    policies = mesh.attachments.on_service(kinds.AUTHORIZATION_POLICY, service)
    return any(mesh.effect(p).level is Level.L7 and not is_dry_run(p) for p in policies)


def _is_guarded(mesh: Mesh, workload: Workload, gateway: Ref) -> bool:
    policies = mesh.attachments.on_workload(kinds.AUTHORIZATION_POLICY, workload)
    identity = principal(mesh, gateway)
    return any(names_waypoint(policy, identity) for policy in policies if not is_dry_run(policy))
