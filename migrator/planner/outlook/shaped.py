"""The Services for which some route or DestinationRule acts, and these objects while steps change them.

`--routes httproute` is what changes them, or a person who edits the plan. An HTTPRoute that says what a
VirtualService says, word for word as it is translated, counts as that VirtualService (docs/adr/0012).
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.services import Service
from migrator.istio.traffic.httproute import fit
from migrator.istio.traffic.routing import ROUTE_KINDS
from migrator.model import writes as fields
from migrator.model.resource import Ref, Resource
from migrator.model.snapshot import Snapshot
from migrator.steps import AnyStep
from migrator.translate.http_route import http_routes

_KINDS = frozenset({kinds.VIRTUAL_SERVICE, kinds.DESTINATION_RULE, *ROUTE_KINDS})
_STAMP = "1970-01-01T00:00:00Z"  # the time of a restart, which decides nothing


class Objects(NamedTuple):
    """What acts for a Service from one moment on. `same`: what an object counts as, where that is another."""

    since: int
    mesh: Mesh
    same: Mapping[Ref, Resource]


class Shaped:
    """All of them."""

    def __init__(self, mesh: Mesh, steps: Iterable[AnyStep]) -> None:
        self._mesh = mesh
        self._steps = [
            (number, step)
            for number, step in enumerate(steps)
            if step.target.ref.group_kind in _KINDS and step.writes(_STAMP)
        ]

    def within(self, namespace: str) -> Iterator[Service]:
        """Those of a namespace."""
        for service in self._mesh.services.in_namespace(namespace):
            if service.ref in self._changes or any(self._acting(service)):
                yield service

    def versions(self, service: Service) -> tuple[Objects, ...]:
        """From the start on, whenever a step has changed something."""
        found = [Objects(0, self._mesh, {})]
        known = {one.ref: one for one in self._acting(service)}
        translated = dict(self._translated(known.values())) if service.ref in self._changes else {}
        for number, one, ref in self._changes.get(service.ref, ()):
            if one is None:
                known.pop(ref, None)
            else:
                known[ref] = one
            same = {
                route.ref: vs
                for route in known.values()
                if (vs := translated.get(_says(route))) is not None
            }
            found.append(Objects(2 * number + 1, self._only(service, known.values()), same))
        return tuple(found)

    def _acting(self, service: Service) -> Iterator[Resource]:
        routing = self._mesh.routing
        yield from routing.virtual_services_for(service)
        yield from routing.destination_rules_for(service)
        yield from routing.routes_for(service)

    def _only(self, service: Service, objects: Iterable[Resource]) -> Mesh:
        """The mesh as far as it matters to calls of one Service."""
        settings = (r for kind in (kinds.CONFIG_MAP,) for r in self._mesh.of(kind))
        leading = self._mesh.routing.ingress_routes_for(service)
        kept = {r.ref: r for r in (*settings, service.resource, *leading, *objects)}
        return Mesh(Snapshot(kept.values()), istio_version=self._mesh.istio_version)

    @cached_property
    def _changes(self) -> Mapping[Ref, list[tuple[int, Resource | None, Ref]]]:
        """By Service: the steps that change what acts for it, with what they make of the object."""
        found: dict[Ref, list[tuple[int, Resource | None, Ref]]] = {}
        now: dict[Ref, Resource | None] = {}
        for number, step in self._steps:
            ref = step.target.ref
            old = now[ref] if ref in now else self._mesh.snapshot.get(ref)
            body = fields.written(old.body if old else None, step.writes(_STAMP))
            new = now[ref] = None if body is None else Resource(ref, body)
            for service in dict.fromkeys(s for one in (old, new) if one for s in self._about(one)):
                found.setdefault(service, []).append((number, new, ref))
        return found

    def _about(self, one: Resource) -> Iterator[Ref]:
        routing = self._mesh.routing
        if one.ref.group_kind in ROUTE_KINDS:
            yield from routing.service_parents(one)
            return
        hosts = one.spec.get("hosts") or [one.spec.get("host", "")]
        for host in hosts:
            yield from (s.ref for s in routing.services_matching(host, one.namespace))

    def _translated(self, objects: Iterable[Resource]) -> Iterator[tuple[str, Resource]]:
        """What HTTPRoutes would say, with the VirtualService that says it now."""
        for vs in objects:
            if vs.ref.group_kind == kinds.VIRTUAL_SERVICE:
                for manifest in http_routes(vs, fit(self._mesh, vs).routes):
                    yield repr(manifest["spec"]), vs


def _says(route: Resource) -> str:
    return repr(dict(route.spec))
