"""Waypoints: which Service is bound to which, and which Service has a reason to be.

Binding mirrors `fetchWaypointForTarget` in istio/istio pilot/pkg/serviceregistry/ambient/waypoints.go: a
label on the object wins over the namespace's, `none` opts out, `use-waypoint-namespace` names another
namespace. The reasons follow from who enforces what (enforcement.py): what a sidecar does at HTTP level
and ztunnel cannot.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.extensions.envoyfilter import patches
from migrator.istio.policies.authz import Level, is_dry_run
from migrator.istio.policies.clientpolicy import CLIENT_POLICY, fields
from migrator.istio.services import MULTIPLEXED, Service
from migrator.model.finding import Effect
from migrator.model.resource import GroupKind, Ref, Resource

if TYPE_CHECKING:
    from migrator.istio.mesh import Mesh

_BY_ACTION = {
    "ALLOW": ("AMB101", "l7-allow-selector-policy"),
    "DENY": ("AMB102", "l7-deny-selector-policy"),
    "CUSTOM": ("AMB103", "custom-action-policy"),
    "AUDIT": ("AMB104", "audit-action-policy"),
}
_BY_KIND: Mapping[GroupKind, tuple[str, str]] = {
    kinds.REQUEST_AUTHENTICATION: ("AMB117", "requestauthentication-selector"),
    kinds.ENVOY_FILTER: ("AMB401", "envoyfilter-sidecar"),
    kinds.WASM_PLUGIN: ("AMB409", "wasmplugin-selector"),
    kinds.TRAFFIC_EXTENSION: ("AMB409", "wasmplugin-selector"),
}
# By setting of a DestinationRule (clientpolicy.py): the rule that explains it, and whether it is hard.
_BY_SETTING = {
    "tls": ("AMB224", "destinationrule-tls-simple-internal", True),
    "proxyProtocol": ("AMB510", "proxy-protocol", True),
    "loadBalancer.consistentHash": ("AMB227", "consistent-hash", False),
    "loadBalancer.localityLbSetting": ("AMB228", "locality-lb-setting", False),
    "loadBalancer.warmup": ("AMB230", "warmup-slow-start", False),
    "loadBalancer.warmupDurationSecs": ("AMB230", "warmup-slow-start", False),
    **dict.fromkeys(CLIENT_POLICY, ("AMB219", "destinationrule-client-policy", False)),
}
_NO_WAYPOINT = frozenset({"none", ""})
# Services that istiod makes for waypoints and east-west gateways (`fetchWaypointForService`)
_OWN = frozenset({"istio.io-mesh-controller", "istio.io-eastwest-controller"})


class Reason(NamedTuple):
    """Why a Service needs a waypoint; `hard`: without it something breaks or opens."""

    code: str
    rule: str
    hard: bool
    source: Ref


class Binding(NamedTuple):
    """The waypoint that a Service's labels name; `by` is `service`, `namespace` or empty.

    A label without a value names none, and is refused as one that is not ready would be.
    """

    gateway: Ref | None
    by: str
    opted_out: bool


class Waypoints:
    """Bindings as they are, and reasons for bindings that are not there."""

    def __init__(self, mesh: "Mesh") -> None:
        self._mesh = mesh
        self._bindings: dict[Service, Binding] = {}
        self._known: dict[Ref, tuple[Reason, ...]] = {}

    @cached_property
    def gateways(self) -> tuple[Resource, ...]:
        """Gateway API Gateways of class `istio-waypoint`."""
        return tuple(
            gateway
            for gateway in self._mesh.of(kinds.GATEWAY)
            if gateway.spec.get("gatewayClassName") == names.WAYPOINT_CLASS
        )

    @cached_property
    def _gateways(self) -> Mapping[Ref, Resource]:
        return {gateway.ref: gateway for gateway in self.gateways}

    def gateway(self, ref: Ref) -> Resource | None:
        """The waypoint's Gateway; None where the source holds none of that class."""
        return self._gateways.get(ref)

    def bound_services(self, gateway: Ref) -> tuple[Service, ...]:
        """The Services that are bound to the waypoint."""
        return self._bound.get(gateway, ())

    @cached_property
    def _bound(self) -> Mapping[Ref, tuple[Service, ...]]:
        found: dict[Ref, list[Service]] = {}
        for service in self._mesh.services.all:
            gateway = self.bound_to(service).gateway
            if gateway is not None:
                found.setdefault(gateway, []).append(service)
        return {gateway: tuple(group) for gateway, group in found.items()}

    def shaped_by(self, rule: Resource) -> tuple[Service, ...]:
        """The Services to which a waypoint, there or planned, would apply the DestinationRule."""
        return self._shaped.get(rule.ref, ())

    @cached_property
    def _shaped(self) -> Mapping[Ref, tuple[Service, ...]]:
        found: dict[Ref, list[Service]] = {}
        for service in self._mesh.services.all:
            for rule in self._mesh.routing.destination_rules_at(service, self.home_of(service)):
                found.setdefault(rule.ref, []).append(service)
        return {ref: tuple(group) for ref, group in found.items()}

    def bound_to(self, service: Service) -> Binding:
        """What the labels of the Service, else of its namespace, say."""
        found = self._bindings.get(service)
        if found is None:
            found = self.binding_of(service.labels, service.namespace)
            self._bindings[service] = found
        return found

    def binding_of(self, labels: Mapping[str, str], namespace: str) -> Binding:
        """The same for any object with labels, a ServiceEntry for one; gateways' own have none."""
        if labels.get(names.MANAGED) in _OWN:
            return Binding(None, "", opted_out=False)
        of_namespace = self._mesh.namespace(namespace).labels
        for by, source in (("service", labels), ("namespace", of_namespace)):
            name = source.get(names.USE_WAYPOINT)
            if name is None:
                continue
            if name in _NO_WAYPOINT:
                return Binding(None, by, opted_out=name == "none")
            home = source.get(names.USE_WAYPOINT_NAMESPACE, namespace)
            return Binding(Ref(*kinds.GATEWAY, home, name), by, opted_out=False)
        return Binding(None, "", opted_out=False)

    @cached_property
    def needing(self) -> Mapping[Service, tuple[Reason, ...]]:
        """Every Service in front of a workload with a sidecar that has a reason."""
        found = ((service, self.needs(service)) for service in self._mesh.services.all)
        return {service: reasons for service, reasons in found if reasons}

    def needs(self, service: Service) -> tuple[Reason, ...]:
        """All reasons, hard ones first; none for a Service without meshed workloads behind."""
        known = self._known.get(service.ref)
        if known is None:
            found = set(self._reasons(service)) if self._serves(service) else set()
            known = tuple(sorted(found, key=lambda r: (not r.hard, r.code, r.source)))
            self._known[service.ref] = known
        return known

    def _serves(self, service: Service) -> bool:
        if service.type == "ExternalName":
            return False
        return bool(self._mesh.services.apps(service))

    def _reasons(self, service: Service) -> Iterator[Reason]:
        yield from self._policies(service)
        yield from self._balancing(service)
        home = self.home_of(service)
        for vs in self._mesh.routing.virtual_services_for(service):
            if self._mesh.routing.is_read_at_waypoint(vs, service, home):
                yield Reason("AMB201", "virtualservice-needs-waypoint", True, vs.ref)  # noqa: FBT003
        for route in self._mesh.routing.routes_for(service):
            if route.namespace == service.namespace:
                yield Reason("AMB214", "route-is-not-dormant", True, route.ref)  # noqa: FBT003
        for rule in self._mesh.routing.destination_rules_at(service, home):
            yield from self._destination_rule(service, rule)

    def home_of(self, service: Service) -> str:
        """The namespace of the Service's waypoint: the one it is bound to, else the one to come."""
        gateway = self.bound_to(service).gateway
        return gateway.namespace if gateway else service.namespace

    def _policies(self, service: Service) -> Iterator[Reason]:
        for workload in self._mesh.services.apps(service):
            for policy in self._mesh.attachments.on_workload(kinds.AUTHORIZATION_POLICY, workload):
                yield from self._authorization(policy)
            for kind, (code, rule) in _BY_KIND.items():
                for resource in self._mesh.attachments.on_workload(kind, workload):
                    if kind != kinds.ENVOY_FILTER or self._patches_sidecars(resource):
                        yield Reason(code, rule, True, resource.ref)  # noqa: FBT003

    def _authorization(self, policy: Resource) -> Iterator[Reason]:
        evaluation = self._mesh.effect(policy)
        if is_dry_run(policy) or evaluation.effect is Effect.FAITHFUL:
            return
        if evaluation.level is Level.L7:
            yield Reason(*_BY_ACTION[evaluation.action], True, policy.ref)  # noqa: FBT003
        elif evaluation.dropped_silently:
            yield Reason("AMB106", "trust-domains-policy", True, policy.ref)  # noqa: FBT003

    def _patches_sidecars(self, envoy_filter: Resource) -> bool:
        version = None if self._mesh.version_is_assumed else self._mesh.istio_version
        found = patches(envoy_filter, version)
        return any(patch.on_sidecars for patch in found)

    def _destination_rule(self, service: Service, rule: Resource) -> Iterator[Reason]:
        for setting in fields(rule):
            if setting.name == "tls" and setting.value.get("mode") not in {"SIMPLE", "MUTUAL"}:
                continue
            if setting.name in _BY_SETTING:
                code, name, hard = _BY_SETTING[setting.name]
                yield Reason(code, name, hard, rule.ref)
        subsets = {subset.get("name") for subset in rule.spec.get("subsets") or ()}
        if subsets & self._mesh.routing.subsets_routed(service):
            yield Reason("AMB213", "virtualservice-subset-route", True, rule.ref)  # noqa: FBT003

    def _balancing(self, service: Service) -> Iterator[Reason]:
        replicas = sum(w.replicas or 0 for w in self._mesh.services.workloads(service))
        if replicas > 1 and any(port.protocol in MULTIPLEXED for port in service.ports):
            yield Reason("AMB605", "grpc-or-h2-load-balancing", False, service.ref)  # noqa: FBT003
        if service.resource.spec.get("sessionAffinity") == "ClientIP":
            yield Reason("AMB614", "session-affinity", False, service.ref)  # noqa: FBT003
