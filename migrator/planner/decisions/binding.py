"""What is bound to a waypoint, and for whom no waypoint can stand."""

from collections.abc import Mapping
from typing import Literal

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.services import Service
from migrator.istio.workloads import Workload
from migrator.model.resource import Ref

from .protection import over_denies


def bound(
    mesh: Mesh,
    moving: tuple[Workload, ...],
    guarded: frozenset[Ref],
    waypoints: Literal["hard", "all"],
) -> Mapping[Ref, tuple[str, ...]]:
    """The Services to be bound, with the codes of their reasons."""
    found: dict[Ref, tuple[str, ...]] = {}
    for workload in moving:
        for service in mesh.services.of_workload(workload):
            if not _can_bind(service) or service.ref in found:
                continue
            reasons = mesh.waypoints.needs(service)
            asked = [r for r in reasons if r.hard or waypoints == "all"]
            if asked or workload.ref in guarded:
                found[service.ref] = tuple(sorted({r.code for r in asked}))
    return dict(sorted(found.items()))


def cannot_hand_over(mesh: Mesh, workload: Workload) -> str:
    """Why no waypoint can stand for the policies of a guarded workload; empty where one can."""
    services = [s for s in mesh.services.of_workload(workload) if _can_bind(s)]
    if not services:
        return (
            "It is protected at HTTP level, and no Service with a cluster IP leads to it, "
            "so that no waypoint can stand in front of it."
        )
    for policy in mesh.attachments.on_workload(kinds.AUTHORIZATION_POLICY, workload):
        if over_denies(mesh, policy):
            return (
                f"AuthorizationPolicy {policy.namespace}/{policy.name} also protects a gateway, so it "
                "cannot be narrowed to pods with a sidecar, and ztunnel would deny more by it than it asks."
            )
    for service in services:
        behind = mesh.services.workloads(service)
        for policy in mesh.attachments.on_workload(kinds.AUTHORIZATION_POLICY, workload):
            chosen = {w.ref for w in mesh.attachments.workloads_of(policy)}
            left_out = sorted(w.name for w in behind if w.ref not in chosen)
            if left_out:
                return (
                    f"AuthorizationPolicy {policy.namespace}/{policy.name} protects it and not "
                    f"{', '.join(left_out)}, which Service {service.name} leads to as well; a waypoint "
                    "judges requests by Service and cannot tell them apart."
                )
    return ""


def _can_bind(service: Service) -> bool:
    """A waypoint is bound by the Service's virtual IP."""
    return not service.headless and service.type != "ExternalName"
