"""The waypoints that stand, or will stand, in front of a workload, and who its pods then see calling.

A waypoint calls with its own identity: `<trust domain>/ns/<its namespace>/sa/<its name>`, the service
account that pilot/pkg/config/kube/gatewaycommon/deploymentcontroller.go makes for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from migrator.istio import kinds
from migrator.model.resource import Ref

if TYPE_CHECKING:
    from collections.abc import Iterable

    from migrator.istio.mesh import Mesh
    from migrator.istio.services import Service
    from migrator.istio.workloads import Workload

_DEFAULT_NAME = "waypoint"  # istioctl's, and ours


class Front(NamedTuple):
    """A Service and its waypoint; `bound` is False where it has a reason to get one."""

    service: Service
    gateway: Ref
    bound: bool


def front_of(mesh: Mesh, service: Service) -> Front | None:
    """The waypoint of a Service: the one it is bound to, else the one that it needs for a hard reason.

    A waypoint is bound by the Service's virtual IP; a headless one has none.
    """
    binding = mesh.waypoints.bound_to(service)
    if binding.gateway is not None:
        return Front(service, binding.gateway, bound=True)
    can_bind = not binding.opted_out and not service.headless
    if not can_bind or not any(reason.hard for reason in mesh.waypoints.needs(service)):
        return None
    return Front(service, Ref(*kinds.GATEWAY, service.namespace, _DEFAULT_NAME), bound=False)


def fronts(mesh: Mesh, workloads: Iterable[Workload]) -> tuple[Front, ...]:
    """The waypoints in front of any of the workloads."""
    services = {s.ref: s for w in workloads for s in mesh.services.of_workload(w)}
    found = (front_of(mesh, services[ref]) for ref in sorted(services))
    return tuple(front for front in found if front is not None)


def principal(mesh: Mesh, gateway: Ref) -> str:
    """The identity with which the waypoint calls."""
    return f"{mesh.config.trust_domain}/ns/{gateway.namespace}/sa/{gateway.name}"


def principals(mesh: Mesh, in_front: Iterable[Front]) -> tuple[str, ...]:
    """The identities of several waypoints, each once."""
    return tuple(sorted({principal(mesh, front.gateway) for front in in_front}))
