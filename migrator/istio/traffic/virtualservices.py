"""VirtualServices of the mesh: the meshed Services they are about, and who could read them at a waypoint.

A waypoint reads VirtualServices of its own namespace and of the Service's, and of no consumer's
(istio/istio pilot/pkg/networking/core/listener_waypoint.go).
"""

from typing import TYPE_CHECKING

from migrator.istio.services import Service
from migrator.istio.workloads import Workload
from migrator.model.resource import Resource

if TYPE_CHECKING:
    from collections.abc import Iterable

    from migrator.istio.mesh import Mesh


def concerned(mesh: "Mesh", virtual_service: Resource) -> tuple[Service, ...]:
    """Services of its hosts with a workload behind that is to be moved, each once."""
    found = {
        service.ref: service
        for host in virtual_service.spec.get("hosts") or ()
        for service in mesh.routing.services_matching(host, virtual_service.namespace)
        if is_meshed(mesh, service)
    }
    return tuple(found[ref] for ref in sorted(found))


def apps(mesh: "Mesh", services: "Iterable[Service]") -> tuple[Workload, ...]:
    """The workloads behind the Services that are to be moved."""
    return tuple(w for service in services for w in mesh.services.apps(service))


def is_meshed(mesh: "Mesh", service: Service) -> bool:
    """Whether a workload behind it is to be moved."""
    return bool(mesh.services.apps(service))


def read_at_waypoint(mesh: "Mesh", virtual_service: Resource, service: Service) -> bool:
    """Whether a waypoint of the Service, there or planned, stands where the VirtualService is read."""
    return virtual_service.namespace in {service.namespace, mesh.waypoints.home_of(service)}
