"""Traffic that leaves the mesh: external hosts, who originates TLS to them, and through which gateway.

A sidecar applies DestinationRules for ServiceEntries at the client; ztunnel does not
(istio/istio pilot/pkg/networking/core/cluster_waypoint.go builds such clusters for waypoints only).
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from migrator.istio.policies.clientpolicy import uses
from migrator.istio.workloads import Role
from migrator.model.resource import Resource

from .hosts import matches
from .routing import Destination, mesh_destinations

if TYPE_CHECKING:
    from migrator.istio.mesh import Mesh

ORIGINATES = frozenset({"SIMPLE", "MUTUAL"})


class Origination(NamedTuple):
    """TLS that clients originate to an external host: the rule, where, its mode, the ServiceEntries."""

    rule: Resource
    path: str
    mode: str
    host: str
    entries: tuple[Resource, ...]


class Detour(NamedTuple):
    """A route of the mesh that leads an external host through a gateway's Service."""

    virtual_service: Resource
    destination: Destination
    hosts: tuple[str, ...]


def originations(mesh: "Mesh", rules: tuple[Resource, ...]) -> Iterator[Origination]:
    """TLS origination for hosts of ServiceEntries."""
    for rule in rules:
        host = rule.spec.get("host", "")
        entries = entries_of(mesh, host)
        if not entries:
            continue
        for tls in uses(rule, "tls"):
            path, mode = tls.path, tls.value.get("mode", "DISABLE")
            if mode in ORIGINATES:
                yield Origination(rule, path, mode, host, entries)


def entries_of(mesh: "Mesh", host: str) -> tuple[Resource, ...]:
    """The ServiceEntries that define the host of a DestinationRule; a wildcard may cover several."""
    found = mesh.routing.service_entries_for(host)
    if not found and host.startswith("*"):
        named = mesh.routing.service_entries_by_host.items()
        covered = (entry for name, entries in named if matches(host, name) for entry in entries)
        found = tuple(dict.fromkeys(covered))
    return found


def loose_entries(mesh: "Mesh", hosts: Iterable[str]) -> tuple[Resource, ...]:
    """The ServiceEntries of the hosts that are bound to no egress waypoint."""
    entries = (entry for host in hosts for entry in entries_of(mesh, host))
    return tuple(
        entry
        for entry in dict.fromkeys(entries)
        if mesh.waypoints.binding_of(entry.labels, entry.namespace).gateway is None
    )


def detours(mesh: "Mesh", virtual_services: tuple[Resource, ...]) -> Iterator[Detour]:
    """Mesh routes for hosts that are no Service, to a Service that has a gateway behind."""
    for vs in virtual_services:
        external = tuple(
            host
            for host in vs.spec.get("hosts") or ()
            if not mesh.routing.services_matching(host, vs.namespace)
        )
        if not external:
            continue
        for destination in mesh_destinations(vs):
            service = mesh.routing.service_of(destination.host, vs.namespace)
            behind = mesh.services.workloads(service) if service else ()
            named = destination.host.partition(".")[0].endswith("egressgateway")
            if named or any(w.role is Role.GATEWAY for w in behind):
                yield Detour(vs, destination, external)
                break
