"""DestinationRules by the Services and external hosts that they shape, and what is left without a waypoint.

A waypoint applies one by the lookup of `PushContext.destinationRule` (istio/istio
pilot/pkg/model/push_context.go); ztunnel applies none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from migrator.istio import kinds
from migrator.istio.policies.clientpolicy import PolicyField, fields, uses

from .egress import loose_entries
from .virtualservices import is_meshed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from migrator.istio.mesh import Mesh
    from migrator.istio.services import Service
    from migrator.model.resource import Resource

_ORIGINATES = frozenset({"SIMPLE", "MUTUAL"})
_SHOWN = 4


class Loss(NamedTuple):
    """Settings of a DestinationRule that nobody applies for these Services and external hosts."""

    rule: Resource
    settings: tuple[PolicyField, ...]
    services: tuple[Service, ...]
    entries: tuple[Resource, ...]

    @property
    def names(self) -> str:
        return ", ".join(dict.fromkeys(setting.name for setting in self.settings))


def losses(mesh: Mesh, names: Iterable[str]) -> Iterator[Loss]:
    """Settings of these names for Services that have no waypoint, nor a hard reason to get one."""
    wanted = tuple(names)
    for rule in mesh.of(kinds.DESTINATION_RULE):
        settings = () if rule.spec.get("workloadSelector") else uses(rule, *wanted)
        if not settings:
            continue
        services = tuple(s for s in applied_to(mesh, rule) if not has_waypoint(mesh, s))
        hosts = [rule.spec.get("host", "")] if mesh.meshed else []
        entries = loose_entries(mesh, hosts)
        if services or entries:
            yield Loss(rule, settings, services, entries)


def meshed_services(mesh: Mesh, rule: Resource) -> tuple[Service, ...]:
    """The Services that its host covers and that have workloads to be moved."""
    covered = mesh.routing.services_matching(rule.spec.get("host", ""), rule.namespace)
    return tuple(service for service in covered if is_meshed(mesh, service))


def applied_to(mesh: Mesh, rule: Resource) -> tuple[Service, ...]:
    """The Services of the mesh to which a waypoint, there or planned, would apply it."""
    return tuple(s for s in mesh.waypoints.shaped_by(rule) if is_meshed(mesh, s))


def has_waypoint(mesh: Mesh, service: Service) -> bool:
    """Whether the Service is bound to a waypoint, or will be for a hard reason."""
    bound = mesh.waypoints.bound_to(service).gateway is not None
    return bound or any(reason.hard for reason in mesh.waypoints.needs(service))


def shapes(rule: Resource) -> bool:
    """Whether it holds more than mutual TLS of the mesh, which ambient has by itself."""
    return bool(rule.spec.get("subsets")) or any(
        one.name != "tls" or one.value.get("mode") in _ORIGINATES for one in fields(rule)
    )


def listed(hosts: Iterable[str]) -> str:
    """The first few of several hosts, as a text."""
    found = list(dict.fromkeys(hosts))
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return ", ".join(found[:_SHOWN]) + more
