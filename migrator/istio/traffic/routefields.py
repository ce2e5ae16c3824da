"""What becomes of each field of a mesh VirtualService at a waypoint.

Mirrors istio/istio pilot/pkg/networking/core/listener_waypoint.go: `waypointInboundRoute` (a match block
with `sourceLabels` is left out), `getTLSRouteMatch` and `getTCPRouteMatch` (source labels and namespaces
are compared with nothing), and `matchTCP` of tls.go (subnets are not compared at all).
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from migrator.model.resource import Resource

from .routing import mesh_routes, route_matches


class Verdict(StrEnum):
    """`works` as it is; `dropped`: the block is left out; `changed`: it means something else."""

    WORKS = "works"
    DROPPED = "dropped"
    CHANGED = "changed"


_SOURCE = {"sourceLabels": Verdict.DROPPED, "sourceNamespace": Verdict.DROPPED}
_SUBNETS = {"sourceSubnet": Verdict.CHANGED, "destinationSubnets": Verdict.CHANGED}
# By protocol, then by field of a match block; a field that is not named works.
MATCH_FIELDS: Mapping[str, Mapping[str, Verdict]] = {
    "http": {"sourceLabels": Verdict.DROPPED, "sourceNamespace": Verdict.CHANGED},
    "tls": {**_SOURCE, **_SUBNETS, "sniHosts": Verdict.CHANGED},
    "tcp": {**_SOURCE, **_SUBNETS},
}
# What an HTTP route asks of the proxy beyond a destination; a waypoint does all of it.
HTTP_FEATURES = (
    "redirect", "directResponse", "rewrite", "timeout", "retries", "fault", "mirror", "mirrors",
    "corsPolicy", "headers",
)  # fmt: skip


class RouteField(NamedTuple):
    """A field in use: `http`, `tls` or `tcp`, its name, path and value, and what becomes of it."""

    protocol: str
    name: str
    path: str
    value: Any
    verdict: Verdict


def match_fields(virtual_service: Resource) -> Iterator[RouteField]:
    """Every field of the match blocks that are for the mesh."""
    for protocol, at, match in route_matches(virtual_service):
        for name, value in match.items():
            verdict = MATCH_FIELDS[protocol].get(name, Verdict.WORKS)
            yield RouteField(protocol, name, f"{at}.{name}", value, verdict)


def http_features(virtual_service: Resource) -> Iterator[RouteField]:
    """What the HTTP routes for the mesh ask of the proxy, beyond a destination."""
    for protocol, at, route in mesh_routes(virtual_service):
        for name in HTTP_FEATURES:
            if protocol == "http" and route.get(name):
                yield RouteField(protocol, name, f"{at}.{name}", route[name], Verdict.WORKS)
