"""HTTPRoutes in place of a VirtualService: one for each Service, and for each port where ports differ."""

from collections.abc import Sequence
from typing import Any

from migrator.istio import kinds
from migrator.istio.traffic.httproute import Route
from migrator.model.resource import Resource

from .manifest import manifest


def http_routes(vs: Resource, routes: Sequence[Route]) -> tuple[dict[str, Any], ...]:
    """The objects, defaults of the API written out: what is read back equals what was written."""
    several = len({route.service.ref for route in routes}) > 1
    return tuple(_http_route(vs, route, several=several) for route in routes)


def _http_route(vs: Resource, route: Route, *, several: bool) -> dict[str, Any]:
    parent: dict[str, Any] = {"group": "", "kind": "Service", "name": route.service.name}
    name = f"{vs.name}-{route.service.name}" if several else vs.name
    if route.port:
        parent["port"] = route.port
        name = f"{name}-{route.port}"
    spec = {"parentRefs": [parent], "rules": list(route.rules)}
    return manifest(kinds.HTTP_ROUTE, vs.namespace, name, spec=spec)
