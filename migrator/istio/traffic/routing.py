"""Routes of the mesh: which VirtualServices, DestinationRules and Gateway API routes concern a Service.

Mirrors istio/istio pilot/pkg/networking/core/listener_waypoint.go and cluster_waypoint.go (what a
waypoint reads), pilot/pkg/model/push_context.go (visibility and the DestinationRule's lookup).
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from migrator.istio import kinds
from migrator.istio.services import Service
from migrator.model.fieldpath import field
from migrator.model.resource import GroupKind, Ref, Resource

from . import ingress
from .exporting import is_private, is_visible
from .hosts import all_of, fqdn, matches

if TYPE_CHECKING:
    from migrator.istio.mesh import Mesh

MESH = "mesh"
_GATEWAY_API = (kinds.HTTP_ROUTE, kinds.GRPC_ROUTE, kinds.TCP_ROUTE, kinds.TLS_ROUTE)


class Destination(NamedTuple):
    """A destination of a VirtualService: the host as written, its path, and the whole entry."""

    host: str
    path: str
    body: Mapping[str, Any]


def gateways_of(virtual_service: Resource) -> tuple[str, ...]:
    """Its gateways; none named means the mesh (istio.io/api networking/v1alpha3/virtual_service.proto)."""
    return tuple(virtual_service.spec.get("gateways") or (MESH,))


def is_for_mesh(virtual_service: Resource) -> bool:
    return MESH in gateways_of(virtual_service)


def is_for_gateway(virtual_service: Resource) -> bool:
    return any(gateway != MESH for gateway in gateways_of(virtual_service))


def is_match_for_mesh(match: Mapping[str, Any]) -> bool:
    """Whether a match block asks for the mesh; gateways named in it replace those of the resource."""
    return MESH in (match.get("gateways") or (MESH,))


def destinations(virtual_service: Resource) -> Iterator[Destination]:
    """Every destination of its http, tls and tcp routes, and of mirrors."""
    for kind in ("http", "tls", "tcp"):
        for i, route in enumerate(virtual_service.spec.get(kind) or ()):
            yield from destinations_in(field("spec", kind, i), route)


def mesh_destinations(virtual_service: Resource) -> Iterator[Destination]:
    """Those of the routes that sidecars evaluate."""
    for _, path, route in mesh_routes(virtual_service):
        yield from destinations_in(path, route)


def destinations_in(path: str, route: Mapping[str, Any]) -> Iterator[Destination]:
    """Every destination of the route at `path`."""
    for group in ("route", "mirrors"):
        for k, one in enumerate(route.get(group) or ()):
            body = one.get("destination") or {}
            below = field(group, k, "destination")
            yield Destination(body.get("host", ""), f"{path}.{below}", body)
    if route.get("mirror"):
        yield Destination(route["mirror"].get("host", ""), f"{path}.mirror", route["mirror"])


def mesh_routes(virtual_service: Resource) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """(`http` | `tls` | `tcp`, path, route) of each route that sidecars evaluate."""
    for protocol in ("http", "tls", "tcp") if is_for_mesh(virtual_service) else ():
        for i, route in enumerate(virtual_service.spec.get(protocol) or ()):
            matches = route.get("match") or ()
            if not matches or any(is_match_for_mesh(match) for match in matches):
                yield protocol, field("spec", protocol, i), route


def route_matches(virtual_service: Resource) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """(`http` | `tls` | `tcp`, path, match) of each match block that sidecars evaluate."""
    for protocol, path, route in mesh_routes(virtual_service):
        for k, match in enumerate(route.get("match") or ()):
            if is_match_for_mesh(match):
                yield protocol, f"{path}.{field('match', k)}", match


class Routing:
    """Routes and policies by the Service or the external host that they are about."""

    def __init__(self, mesh: "Mesh") -> None:
        self._mesh = mesh
        self._covered: dict[str, tuple[Service, ...]] = {}  # by wildcards

    @cached_property
    def mesh_virtual_services(self) -> tuple[Resource, ...]:
        """VirtualServices that sidecars obey."""
        return tuple(vs for vs in self._mesh.of(kinds.VIRTUAL_SERVICE) if is_for_mesh(vs))

    @cached_property
    def gateway_virtual_services(self) -> tuple[Resource, ...]:
        return tuple(vs for vs in self._mesh.of(kinds.VIRTUAL_SERVICE) if is_for_gateway(vs))

    def service_of(self, host: str, namespace: str) -> Service | None:
        """The Service that `host` means, written in `namespace`; a short form may name the namespace."""
        found = self._mesh.services.by_host(fqdn(host, namespace))
        if found is not None:
            return found
        name, _, rest = host.partition(".")
        home, _, suffix = rest.partition(".")
        short = home and suffix in {"", "svc"}
        return self._mesh.services.by_host(fqdn(name, home)) if short else None

    def services_matching(self, host: str, namespace: str) -> tuple[Service, ...]:
        """Every Service that a host covers; a wildcard may cover many.

        `name.namespace` covers none: Istio compares names with a dot as they are.
        """
        if host.startswith("*"):
            if host not in self._covered:
                self._covered[host] = tuple(s for s in self._near(host) if matches(host, s.host))
            return self._covered[host]
        found = self._mesh.services.by_host(fqdn(host, namespace))
        return (found,) if found is not None else ()

    def _near(self, wildcard: str) -> tuple[Service, ...]:
        """Those that it may cover; the most common one names a namespace."""
        home = wildcard.split(".", 2)[1] if "." in wildcard else ""
        services = self._mesh.services
        return services.in_namespace(home) if wildcard == all_of(home) else services.all

    def visible_to(self, resource: Resource, namespace: str) -> bool:
        """Whether a proxy of `namespace` sees it, by `exportTo` or the mesh's default for its kind."""
        return is_visible(self._mesh, resource, namespace)

    def is_read_at_waypoint(self, vs: Resource, service: Service, home: str) -> bool:
        """Whether a waypoint of namespace `home` applies the VirtualService to the Service."""
        return vs.namespace in {service.namespace, home} and self.visible_to(vs, home)

    @cached_property
    def _virtual_services_by_service(self) -> Mapping[Ref, tuple[Resource, ...]]:
        found: dict[Ref, list[Resource]] = {}
        for vs in self.mesh_virtual_services:
            for host in vs.spec.get("hosts") or ():
                for service in self.services_matching(host, vs.namespace):
                    found.setdefault(service.ref, []).append(vs)
        return {ref: tuple(dict.fromkeys(group)) for ref, group in found.items()}

    def virtual_services_for(self, service: Service) -> tuple[Resource, ...]:
        """Mesh VirtualServices whose hosts cover the Service."""
        return self._virtual_services_by_service.get(service.ref, ())

    @cached_property
    def _destination_rules_by_service(self) -> Mapping[Ref, tuple[Resource, ...]]:
        found: dict[Ref, list[Resource]] = {}
        for rule in self._mesh.of(kinds.DESTINATION_RULE):
            host = rule.spec.get("host", "")
            for service in self.services_matching(host, rule.namespace):
                found.setdefault(service.ref, []).append(rule)
        return {ref: tuple(group) for ref, group in found.items()}

    def destination_rules_for(self, service: Service) -> tuple[Resource, ...]:
        """DestinationRules of any namespace whose host covers the Service."""
        return self._destination_rules_by_service.get(service.ref, ())

    def destination_rules_at(self, service: Service, home: str) -> tuple[Resource, ...]:
        """The DestinationRules that a proxy of namespace `home` applies to the Service.

        The first of these namespaces that has one counts, and there the most specific host: the proxy's
        own (unless it is the root namespace), the Service's, the root namespace. A host that is more
        specific hides others from those too to whom it is not exported. One with `workloadSelector` is
        for the application's own proxies.
        """
        known = [
            r for r in self.destination_rules_for(service) if not r.spec.get("workloadSelector")
        ]
        for namespace in self._in_turn(service, home):
            here = [rule for rule in known if rule.namespace == namespace]
            if namespace == home:
                found = _most_specific(rule for rule in here if self.visible_to(rule, home))
            else:
                shown = _most_specific(rule for rule in here if not is_private(self._mesh, rule))
                found = tuple(rule for rule in shown if self.visible_to(rule, home))
            if found:
                return found
        return ()

    def _in_turn(self, service: Service, home: str) -> tuple[str, ...]:
        root = self._mesh.config.root_namespace
        return tuple(dict.fromkeys((*(() if home == root else (home,)), service.namespace, root)))

    @cached_property
    def _subsets_by_service(self) -> Mapping[Ref, frozenset[str]]:
        found: dict[Ref, set[str]] = {}
        for vs in self.mesh_virtual_services:
            for destination in mesh_destinations(vs):
                subset = destination.body.get("subset")
                service = self.service_of(destination.host, vs.namespace)
                if subset and service is not None:
                    found.setdefault(service.ref, set()).add(subset)
        return {ref: frozenset(names) for ref, names in found.items()}

    def subsets_routed(self, service: Service) -> frozenset[str]:
        """The Service's subsets to which some VirtualService of the mesh leads."""
        return self._subsets_by_service.get(service.ref, frozenset())

    @cached_property
    def _routes_by_service(self) -> Mapping[Ref, tuple[Resource, ...]]:
        found: dict[Ref, list[Resource]] = {}
        for kind in _GATEWAY_API:
            for route in self._mesh.of(kind):
                for parent in self.service_parents(route):
                    found.setdefault(parent, []).append(route)
        return {ref: tuple(group) for ref, group in found.items()}

    def service_parents(self, route: Resource) -> tuple[Ref, ...]:
        """Services that a Gateway API route names as parents (a mesh route)."""
        return tuple(
            Ref("", "Service", parent.get("namespace") or route.namespace, parent.get("name", ""))
            for parent in route.spec.get("parentRefs") or ()
            if parent.get("kind") == "Service" and not parent.get("group")
        )

    def routes_for(self, service: Service) -> tuple[Resource, ...]:
        """Gateway API routes with the Service as parent."""
        return self._routes_by_service.get(service.ref, ())

    @cached_property
    def _ingress_backends(self) -> Mapping[Ref, tuple[Resource, ...]]:
        found: dict[Ref, list[Resource]] = {}
        for backend, route in self._led_by_gateways():
            found.setdefault(backend, []).append(route)
        return {ref: tuple(dict.fromkeys(group)) for ref, group in found.items()}

    def _led_by_gateways(self) -> Iterator[tuple[Ref, Resource]]:
        for vs in self.gateway_virtual_services:
            for destination in destinations(vs):
                service = self.service_of(destination.host, vs.namespace)
                if service is not None:
                    yield service.ref, vs
        routes = (route for kind in _GATEWAY_API for route in self._mesh.of(kind))
        for route in filter(ingress.has_gateway_parent, routes):
            yield from ((backend, route) for backend in ingress.backends(route))
        for resource in filter(ingress.is_istio, self._mesh.of(kinds.INGRESS)):
            yield from ((backend, resource) for backend in ingress.services(resource))

    def ingress_routes_for(self, service: Service) -> tuple[Resource, ...]:
        """What leads a gateway's traffic to the Service: VirtualServices, routes, Ingresses of Istio."""
        return self._ingress_backends.get(service.ref, ())

    @cached_property
    def service_entries_by_host(self) -> Mapping[str, tuple[Resource, ...]]:
        found: dict[str, list[Resource]] = {}
        for entry in self._mesh.of(kinds.SERVICE_ENTRY):
            for host in entry.spec.get("hosts") or ():
                found.setdefault(host, []).append(entry)
        return {host: tuple(group) for host, group in found.items()}

    @cached_property
    def _wildcards(self) -> tuple[str, ...]:
        return tuple(host for host in self.service_entries_by_host if host.startswith("*"))

    def service_entries_for(self, host: str) -> tuple[Resource, ...]:
        """ServiceEntries for exactly this host, or by a wildcard."""
        covering = (one for one in self._wildcards if one != host and matches(one, host))
        hosts = (host, *covering)
        return tuple(e for one in hosts for e in self.service_entries_by_host.get(one, ()))


def _most_specific(rules: Iterable[Resource]) -> tuple[Resource, ...]:
    ranked = {rule: _specificity(rule) for rule in rules}
    best = max(ranked.values(), default=None)
    return tuple(rule for rule, rank in ranked.items() if rank == best)


def _specificity(rule: Resource) -> tuple[bool, int]:
    """An exact host comes before wildcards, a longer wildcard before a shorter one."""
    host = rule.spec.get("host", "")
    return not host.startswith("*"), len(host) if host.startswith("*") else 0


ROUTE_KINDS: tuple[GroupKind, ...] = _GATEWAY_API
