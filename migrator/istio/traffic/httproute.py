"""A VirtualService of the mesh as HTTPRoutes with its Services as parents: the same answers, or the reasons
why there are none.

A waypoint reads both kinds, and so do sidecars. Istio makes VirtualServices of HTTPRoutes
(istio/istio pilot/pkg/config/kube/gateway/route_collections.go), so what is the same is so exactly; what an
HTTPRoute cannot say field by field is a misfit and never left out.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from migrator.istio import kinds
from migrator.istio.loose import texts
from migrator.istio.ownership import operator
from migrator.istio.progressive import virtual_services
from migrator.istio.services import UNDECLARED, Service
from migrator.model.fieldpath import below, field
from migrator.model.resource import Resource

from . import httproute_action, httproute_match, httproute_order
from .hosts import fqdn
from .httproute_match import Misfit, Misfits
from .routing import MESH, gateways_of, is_match_for_mesh

if TYPE_CHECKING:
    from migrator.istio.mesh import Mesh

_RULES, _MATCHES, _ALL_MATCHES = 16, 64, 128
_BARE = ("PathPrefix", "RegularExpression")

Rules = tuple[dict[str, Any], ...]


class Route(NamedTuple):
    """The rules of one HTTPRoute; `port` is 0 where they hold for every port of the Service."""

    service: Service
    port: int
    rules: Rules


class Fit(NamedTuple):
    """Either routes or misfits."""

    routes: tuple[Route, ...]
    misfits: tuple[Misfit, ...]


def fit(mesh: "Mesh", vs: Resource) -> Fit:
    """What `vs` is as HTTPRoutes."""
    said = Misfits(_about_all(mesh, vs))
    services = [] if said else _services(mesh, vs, said)
    routes = [route for service in services for route in _routes(mesh, vs, service, said)]
    misfits = tuple(dict.fromkeys(said))
    return Fit(() if misfits else tuple(routes), misfits)


def _about_all(mesh: "Mesh", vs: Resource) -> Iterator[Misfit]:
    if set(gateways_of(vs)) != {MESH}:
        yield Misfit(
            field("spec", "gateways"), "it serves a gateway as well, which reads it as it is"
        )
    default = texts(mesh.config.values, "defaultVirtualServiceExportTo")
    if "*" not in (vs.spec.get("exportTo") or default or ("*",)):
        yield Misfit(field("spec", "exportTo"), "every namespace sees an HTTPRoute")
    yield from _written_by(mesh, vs)
    for kind in ("tls", "tcp"):
        if vs.spec.get(kind):
            yield Misfit(field("spec", kind), f"an HTTPRoute has no routes for {kind.upper()}")
    if not vs.spec.get("http"):
        yield Misfit(field("spec"), "it has no HTTP routes")


def _written_by(mesh: "Mesh", vs: Resource) -> Iterator[Misfit]:
    maker = operator(vs)
    if maker is not None:
        yield Misfit(field("metadata", "ownerReferences"), f"{maker} makes it")
    for rollout in mesh.of(kinds.ROLLOUT):
        if vs.ref in (virtual_services(rollout) or ()):
            yield Misfit(field("spec", "http"), f"{rollout.ref} writes its weights")


def _services(mesh: "Mesh", vs: Resource, said: Misfits) -> list[Service]:
    found = []
    for i, host in enumerate(vs.spec.get("hosts") or ()):
        path = field("spec", "hosts", i)
        service = mesh.services.by_host(fqdn(host, vs.namespace))
        if service is None:
            said.say(path, f"{host} is no Service of the source that a route could have as parent")
        elif service.namespace != vs.namespace:
            said.say(path, "as the route of another namespace it would be for callers from there")
        else:
            found.append(service)
            others = [
                *mesh.routing.virtual_services_for(service),
                *mesh.routing.routes_for(service),
            ]
            shared = ", ".join(str(one.ref) for one in others if one.ref != vs.ref)
            if shared:
                said.say(
                    path, f"{shared} routes to it as well, and the order among them would change"
                )
    return list(dict.fromkeys(found))


def _routes(mesh: "Mesh", vs: Resource, service: Service, said: Misfits) -> Iterator[Route]:
    ports = [p.number for p in service.ports if p.is_http or p.protocol == UNDECLARED]
    if not ports:
        said.say(field("spec", "hosts"), f"{service.host} has no port for HTTP")
    by_port = {port: _rules(mesh, vs, port, said) for port in ports}
    different = list({repr(rules): rules for rules in by_port.values()}.values())
    if len(different) == 1 and different[0]:
        yield Route(service, 0, different[0])
        return
    yield from (Route(service, port, rules) for port, rules in by_port.items() if rules)


class _Block(NamedTuple):
    rule: int
    path: str
    match: Mapping[str, Any]


def _rules(mesh: "Mesh", vs: Resource, port: int, said: Misfits) -> Rules:
    """The rules for one port, in the order of the VirtualService."""
    place = httproute_action.Place(
        vs.namespace, port, lambda host: mesh.services.by_host(fqdn(host, vs.namespace))
    )
    blocks = list(_blocks(vs, port))
    numbers = list(dict.fromkeys(block.rule for block in blocks))
    at = {number: field("spec", "http", number) for number in numbers}
    actions = {
        n: httproute_action.converted(vs.spec["http"][n], at[n], place, said) for n in numbers
    }
    entries: list[tuple[int, dict[str, Any]]] = []
    turned: list[tuple[int, int]] = []
    for bare in _BARE:
        last = Misfits()
        entries = [(b.rule, m) for b in blocks for m in _converted(b, last, bare)]
        turned = [
            (first, second)
            for first, second in httproute_order.inversions(entries)
            if actions[first] != actions[second]
        ]
        if not turned:
            break
    said += last
    for first, second in turned:
        said.say(
            field("spec", "http", second),
            f"Istio would try it before {at[first]}: the rules of an HTTPRoute are tried by how specific "
            "they are",
        )
    rules = {n: [match for number, match in entries if number == n] for n in numbers}
    _check_sizes(rules, said)
    return tuple({"matches": rules[n], **actions[n].as_rule()} for n in numbers)


def _converted(block: _Block, said: Misfits, bare: str) -> list[httproute_match.Match]:
    return httproute_match.converted(block.match, block.path, said, bare=bare)


def _blocks(vs: Resource, port: int) -> Iterator[_Block]:
    """The match blocks for the port, until one that asks nothing; what follows is never reached."""
    for i, route in enumerate(vs.spec.get("http") or ()):
        path = field("spec", "http", i)
        for k, match in enumerate(route.get("match") or ({},)):
            if match.get("port") not in {None, 0, port} or not is_match_for_mesh(match):
                continue
            yield _Block(i, below(path, "match", k), match)
            if _asks_nothing(match):
                return


def _asks_nothing(match: Mapping[str, Any]) -> bool:
    asked = {k: v for k, v in match.items() if v and k not in {"name", "port", "gateways"}}
    return not asked or asked == {"uri": {"prefix": "/"}}


def _check_sizes(rules: Mapping[int, list[Any]], said: Misfits) -> None:
    sizes = [len(matches) for matches in rules.values()]
    if len(sizes) > _RULES or max(sizes, default=0) > _MATCHES or sum(sizes) > _ALL_MATCHES:
        said.say(
            field("spec", "http"),
            f"an HTTPRoute takes {_RULES} rules, with {_MATCHES} matches each and {_ALL_MATCHES} in all",
        )
