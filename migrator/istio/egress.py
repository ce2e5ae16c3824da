"""Traffic that leaves the mesh: external hosts, who originates TLS to them, and through which gateway.

A sidecar applies DestinationRules for ServiceEntries at the client; ztunnel does not
(istio/istio pilot/pkg/networking/core/cluster_waypoint.go builds such clusters for waypoints only).
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from migrator.model.fieldpath import field
from migrator.model.resource import Resource

from .hosts import matches
from .routing import Destination, destinations, is_for_mesh
from .workloads import Role

if TYPE_CHECKING:
    from .mesh import Mesh

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
        entries = mesh.routing.service_entries_for(host)
        if not entries and host.startswith("*"):
            entries = tuple(
                dict.fromkeys(
                    entry
                    for name, found in mesh.routing.service_entries_by_host.items()
                    if matches(host, name)
                    for entry in found
                )
            )
        if not entries:
            continue
        for path, mode in tls_modes(rule):
            if mode in ORIGINATES:
                yield Origination(rule, path, mode, host, entries)


def tls_modes(rule: Resource) -> Iterator[tuple[str, str]]:
    """(path, mode) of every `tls` of a DestinationRule: overall, per port, per subset."""
    yield from _modes(rule.spec.get("trafficPolicy") or {}, field("spec", "trafficPolicy"))
    for i, subset in enumerate(rule.spec.get("subsets") or ()):
        policy = subset.get("trafficPolicy") or {}
        yield from _modes(policy, field("spec", "subsets", i, "trafficPolicy"))


def _modes(policy: dict[str, object], path: str) -> Iterator[tuple[str, str]]:
    tls = policy.get("tls")
    if isinstance(tls, dict):
        yield f"{path}.tls", tls.get("mode", "DISABLE")
    ports = policy.get("portLevelSettings")
    for i, port in enumerate(ports if isinstance(ports, list | tuple) else ()):
        if port.get("tls"):
            yield (
                f"{path}.{field('portLevelSettings', i, 'tls')}",
                port["tls"].get("mode", "DISABLE"),
            )


def detours(mesh: "Mesh", virtual_services: tuple[Resource, ...]) -> Iterator[Detour]:
    """Mesh routes for hosts that are no Service, to a Service that has a gateway behind."""
    for vs in virtual_services:
        if not is_for_mesh(vs):
            continue
        external = tuple(
            host
            for host in vs.spec.get("hosts") or ()
            if not mesh.routing.services_matching(host, vs.namespace)
        )
        if not external:
            continue
        for destination in destinations(vs):
            service = mesh.routing.service_of(destination.host, vs.namespace)
            behind = mesh.services.workloads(service) if service else ()
            named = destination.host.partition(".")[0].endswith("egressgateway")
            if named or any(w.role is Role.GATEWAY for w in behind):
                yield Detour(vs, destination, external)
                break
