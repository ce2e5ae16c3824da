"""What the routes and DestinationRules that act on a call ask of the proxy there, setting by setting.

A sidecar does all that they say. A waypoint leaves out what asks for the caller's labels, compares a
caller's namespace with its own (istio/istio pilot/pkg/networking/core/listener_waypoint.go, `sourceMatchHTTP`
of route/route.go), takes a name (SNI) only if it is the Service's own, limits and ejects for all its callers
together, and hashes before 1.31 only where a route does (pilot/pkg/networking/core/cluster_waypoint.go,
releasenotes/notes/61045.yaml).
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.policies.clientpolicy import fields
from migrator.istio.selectors import has_labels
from migrator.istio.services import UNDECLARED, Service
from migrator.istio.traffic.hosts import fqdn
from migrator.istio.traffic.routefields import HTTP_FEATURES
from migrator.istio.traffic.routing import is_match_for_mesh, mesh_routes
from migrator.istio.versions import Version
from migrator.model.resource import Ref, Resource

from .enforcing import By
from .routing import Behaviour, Client

ROUTES, SUBSETS = "routes", "subsets"
_HASHES_SINCE = Version(1, 31)
_HASH = "loadBalancer.consistentHash"
_ORIGINATES = frozenset({"SIMPLE", "MUTUAL"})
_COUNTED = frozenset({"connectionPool", "outlierDetection", "retryBudget"})
_FILTERS = {
    "RequestRedirect": "redirect",
    "URLRewrite": "rewrite",
    "RequestMirror": "mirror",
    "RequestHeaderModifier": "headers",
    "ResponseHeaderModifier": "headers",
    "CORS": "corsPolicy",
}
_OF_RULES = {"timeouts": "timeout", "retry": "retries", "sessionPersistence": "sessionPersistence"}
_OF_CALLERS = frozenset({"sourceLabels", "sourceNamespace", "gateways"})


class Setting(NamedTuple):
    """One thing that an object asks for. `value` tells it from the same asked otherwise; `shared`: one
    proxy counts, or chooses, for all callers.
    """

    name: str
    of: Ref
    value: str
    shared: bool = False


Settings = frozenset[Setting]


class Shift(NamedTuple):
    """What is another thing than before: no longer done, done otherwise, done for all callers together, or
    done only now.
    """

    lost: Settings = frozenset()
    changed: Settings = frozenset()
    shared: Settings = frozenset()
    gained: Settings = frozenset()

    def __bool__(self) -> bool:
        return any(self)


def shift(before: Settings, now: Settings) -> Shift:
    """From what was done of a call to what is done of it now."""
    gone, new = before - now, now - before
    values = {one._replace(shared=False) for one in now}
    pooled = {one for one in gone if one._replace(shared=False) in values}
    told_apart = {(one.name, one.of) for one in new}
    changed = {one for one in gone - pooled if (one.name, one.of) in told_apart}
    names = {(one.name, one.of) for one in before}
    return Shift(
        lost=gone - pooled - changed,
        changed=frozenset(changed),
        shared=frozenset(one for one in pooled if not one.shared),
        gained=frozenset(one for one in new if (one.name, one.of) not in names),
    )


class Call(NamedTuple):
    """Who calls what."""

    client: Client
    service: Service


def settings(
    mesh: Mesh, call: Call, acting: Iterable[Behaviour], same: Mapping[Ref, Resource]
) -> Settings:
    """What all places on the way of a call do of it. `same`: routes that answer every request as another
    object does, which is looked at in their place.
    """
    return frozenset(
        one
        for place in acting
        for one in (*_of_routes(mesh, call, place, same), *_of_rules(mesh, place))
    )


def _of_routes(
    mesh: Mesh, call: Call, acting: Behaviour, same: Mapping[Ref, Resource]
) -> Iterator[Setting]:
    for ref in acting.obeyed:
        route = same.get(ref) or mesh.snapshot.get(ref)
        if route is None:
            continue
        if acting.by == By.GATEWAY:
            yield Setting(ROUTES, ref, "")
        elif route.ref.group_kind == kinds.VIRTUAL_SERVICE:
            yield from _of_virtual_service(route, call, acting)
        else:
            yield from _of_route(route, call.service)


def _of_rules(mesh: Mesh, acting: Behaviour) -> Iterator[Setting]:
    hashes = mesh.istio_version >= _HASHES_SINCE or bool(acting.routes)
    for ref in acting.destination_rules:
        rule = mesh.snapshot.get(ref)
        if rule is not None:
            yield from _of_destination_rule(rule, acting, hashes=hashes)


def _of_virtual_service(vs: Resource, call: Call, acting: Behaviour) -> Iterator[Setting]:
    for protocol, _, route in mesh_routes(vs):
        if not _reads(call.service, protocol):
            continue
        blocks = [one for one in route.get("match") or () if is_match_for_mesh(one)]
        kept = [one for one in blocks if _is_met(protocol, one, call, acting)]
        if blocks and not kept:
            continue  # nobody meets this route
        for name in HTTP_FEATURES if protocol == "http" else ():
            if route.get(name):
                yield Setting(name, vs.ref, _text(route[name]))
        yield from _where(vs, call.service, route, kept)


def _is_met(protocol: str, block: Mapping[str, Any], call: Call, acting: Behaviour) -> bool:
    """Whether the proxy can take the route for this block, by what it asks of the caller and of the name."""
    client = call.client
    home = block.get("sourceNamespace")
    if acting.where is None:
        named = not home or home == client.namespace
        return named and has_labels(block.get("sourceLabels") or {}, client.labels)
    if block.get("sourceLabels") or block.get("sniHosts", [call.service.host]) != [
        call.service.host
    ]:
        return False
    return not home or (protocol == "http" and home == acting.where.namespace)


def _where(
    vs: Resource, service: Service, route: Mapping[str, Any], blocks: list[Mapping[str, Any]]
) -> Iterator[Setting]:
    found = [one.get("destination") or {} for one in route.get("route") or ()]
    if any(one.get("subset") for one in found):
        yield Setting(SUBSETS, vs.ref, _text(route["route"]))
    hosts = {fqdn(one.get("host", ""), vs.namespace) for one in found}
    ports = {(one.get("port") or {}).get("number") for one in found} - {None, _only_port(service)}
    if len(found) > 1 or hosts - {service.host} or ports:
        plain = [{k: v for k, v in one.items() if k not in _OF_CALLERS} for one in blocks]
        yield Setting(ROUTES, vs.ref, _text([plain, route.get("route")]))


def _only_port(service: Service) -> int | None:
    return service.ports[0].number if len(service.ports) == 1 else None


def _of_route(route: Resource, service: Service) -> Iterator[Setting]:
    """A Gateway API route with the Service as parent."""
    for rule in route.spec.get("rules") or ():
        for one in rule.get("filters") or ():
            name = _FILTERS.get(one.get("type", ""), str(one.get("type", "")))
            yield Setting(name, route.ref, _text(one))
        for key, name in _OF_RULES.items():
            if rule.get(key):
                yield Setting(name, route.ref, _text(rule[key]))
        backends = rule.get("backendRefs") or ()
        names = {(one.get("namespace") or route.namespace, one.get("name")) for one in backends}
        if names != {(service.namespace, service.name)}:
            yield Setting(ROUTES, route.ref, _text([rule.get("matches"), backends]))


def _of_destination_rule(rule: Resource, acting: Behaviour, *, hashes: bool) -> Iterator[Setting]:
    at_waypoint = acting.by == By.WAYPOINT
    for one in fields(rule):
        if one.name == "tls" and one.value.get("mode") not in _ORIGINATES:
            continue  # mutual TLS of the mesh, which ambient has by itself
        if one.name == _HASH and at_waypoint and not hashes:
            continue
        shared = at_waypoint and one.name in _COUNTED
        yield Setting(one.name, rule.ref, _text([one.path, one.value]), shared)


def _reads(service: Service, protocol: str) -> bool:
    """Whether some port of the Service is read in a way that routes of this protocol are for."""
    if protocol == "http":
        return any(port.is_http or port.protocol == UNDECLARED for port in service.ports)
    return any(not port.is_http for port in service.ports)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
