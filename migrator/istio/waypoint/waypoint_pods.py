"""The waypoint pods that a mesh has or needs, as NetworkPolicies would see them."""

from typing import TYPE_CHECKING

from migrator.istio import labels as names
from migrator.istio.network.networkpolicy import Pod
from migrator.istio.services import Service

if TYPE_CHECKING:
    from migrator.istio.mesh import Mesh


def in_need(mesh: "Mesh") -> tuple[Service, ...]:
    """The Services that would break, or lose a policy, without a waypoint."""
    reasons = mesh.waypoints.needing.items()
    return tuple(service for service, known in reasons if any(reason.hard for reason in known))


def waypoint_pods(mesh: "Mesh") -> tuple[tuple[Pod, tuple[Service, ...]], ...]:
    """One pod for each waypoint that services need, with these services.

    A service that is bound to no waypoint yet gets one in its own namespace. The labels are those of
    manifests/charts/istio-control/istio-discovery/files/waypoint.yaml.
    """
    found: dict[tuple[str, str], list[Service]] = {}
    for service in in_need(mesh):
        gateway = mesh.waypoints.bound_to(service).gateway
        at = (gateway.namespace, gateway.name) if gateway else (service.namespace, "waypoint")
        found.setdefault(at, []).append(service)
    return tuple(
        (
            Pod(
                namespace,
                mesh.namespace(namespace).labels,
                {names.GATEWAY_NAME: name, names.GATEWAY_CLASS_NAME: names.WAYPOINT_CLASS},
            ),
            tuple(services),
        )
        for (namespace, name), services in sorted(found.items())
    )
