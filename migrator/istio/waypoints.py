"""Waypoints: which Service is bound to which, and which Service has a reason to be.

Binding mirrors `fetchWaypointForTarget` in istio/istio pilot/pkg/serviceregistry/ambient/waypoints.go: a
label on the object wins over the namespace's, `none` opts out, `use-waypoint-namespace` names another
namespace. The reasons follow from who enforces what (enforcement.py): what a sidecar does at HTTP level
and ztunnel cannot.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from migrator.model.resource import GroupKind, Ref, Resource

from . import kinds
from . import labels as names
from .authz import Level, is_dry_run
from .routing import destinations, exported_to
from .services import MULTIPLEXED, Service

if TYPE_CHECKING:
    from .mesh import Mesh

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
_CLIENT_POLICY = ("loadBalancer", "connectionPool", "outlierDetection", "portLevelSettings")


class Reason(NamedTuple):
    """Why a Service needs a waypoint; `hard`: without it something breaks or opens."""

    code: str
    rule: str
    hard: bool
    source: Ref


class Binding(NamedTuple):
    """The waypoint that a Service's labels name; `by` is `service`, `namespace` or empty."""

    gateway: Ref | None
    by: str
    opted_out: bool


class Waypoints:
    """Bindings as they are, and reasons for bindings that are not there."""

    def __init__(self, mesh: "Mesh") -> None:
        self._mesh = mesh
        self._meshed = {w.ref for w in mesh.meshed}

    @cached_property
    def gateways(self) -> tuple[Resource, ...]:
        """Gateway API Gateways of class `istio-waypoint`."""
        return tuple(
            gateway
            for gateway in self._mesh.of(kinds.GATEWAY)
            if gateway.spec.get("gatewayClassName") == names.WAYPOINT_CLASS
        )

    def bound_to(self, service: Service) -> Binding:
        """What the labels of the Service, else of its namespace, say."""
        return self.binding_of(service.labels, service.namespace)

    def binding_of(self, labels: Mapping[str, str], namespace: str) -> Binding:
        """The same for any object with labels, a ServiceEntry for one."""
        of_namespace = self._mesh.namespace(namespace).labels
        for by, source in (("service", labels), ("namespace", of_namespace)):
            name = source.get(names.USE_WAYPOINT)
            if not name:
                continue
            if name == "none":
                return Binding(None, by, opted_out=True)
            home = source.get(names.USE_WAYPOINT_NAMESPACE) or namespace
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
            found = (
                set(self._hard(service)) | set(self._soft(service))
                if self._serves(service)
                else set()
            )
            known = tuple(sorted(found, key=lambda r: (not r.hard, r.code, r.source)))
            self._known[service.ref] = known
        return known

    @cached_property
    def _known(self) -> dict[Ref, tuple[Reason, ...]]:
        return {}

    def _serves(self, service: Service) -> bool:
        if service.type == "ExternalName":
            return False
        return any(w.ref in self._meshed for w in self._mesh.services.workloads(service))

    def _hard(self, service: Service) -> Iterator[Reason]:
        yield from self._policies(service)
        for vs in self._mesh.routing.virtual_services_for(service):
            if vs.namespace == service.namespace and exported_to(vs, service.namespace):
                yield Reason("AMB201", "virtualservice-needs-waypoint", True, vs.ref)  # noqa: FBT003
        for route in self._mesh.routing.routes_for(service):
            if route.namespace == service.namespace:
                yield Reason("AMB214", "route-is-not-dormant", True, route.ref)  # noqa: FBT003
        for rule in self._applying(service):
            yield from self._destination_rule(service, rule)

    def _policies(self, service: Service) -> Iterator[Reason]:
        for workload in self._mesh.services.workloads(service):
            if workload.ref not in self._meshed:
                continue
            for policy in self._mesh.attachments.on_workload(kinds.AUTHORIZATION_POLICY, workload):
                yield from self._authorization(policy)
            for kind, (code, rule) in _BY_KIND.items():
                for resource in self._mesh.attachments.on_workload(kind, workload):
                    if kind != kinds.ENVOY_FILTER or patches_sidecars(resource):
                        yield Reason(code, rule, True, resource.ref)  # noqa: FBT003

    def _authorization(self, policy: Resource) -> Iterator[Reason]:
        evaluation = self._mesh.effect(policy)
        if is_dry_run(policy):
            return
        if evaluation.level is Level.L7:
            yield Reason(*_BY_ACTION[evaluation.action], True, policy.ref)  # noqa: FBT003
        elif evaluation.dropped_silently:
            yield Reason("AMB106", "trust-domains-policy", True, policy.ref)  # noqa: FBT003

    def _applying(self, service: Service) -> tuple[Resource, ...]:
        """DestinationRules that the waypoint of the Service's namespace would read."""
        root = self._mesh.config.root_namespace
        return tuple(
            rule
            for rule in self._mesh.routing.destination_rules_for(service)
            if rule.namespace in {service.namespace, root} and not rule.spec.get("workloadSelector")
        )

    def _destination_rule(self, service: Service, rule: Resource) -> Iterator[Reason]:
        policy = rule.spec.get("trafficPolicy") or {}
        modes = [policy.get("tls") or {}] + [
            port.get("tls") or {} for port in policy.get("portLevelSettings") or ()
        ]
        if any(tls.get("mode") in {"SIMPLE", "MUTUAL"} for tls in modes):
            yield Reason("AMB224", "destinationrule-tls-simple-internal", True, rule.ref)  # noqa: FBT003
        if policy.get("proxyProtocol"):
            yield Reason("AMB510", "proxy-protocol", True, rule.ref)  # noqa: FBT003
        subsets = {subset.get("name") for subset in rule.spec.get("subsets") or ()}
        routed = (
            {
                destination.body.get("subset")
                for vs in self._mesh.routing.mesh_virtual_services
                for destination in destinations(vs)
                if self._mesh.routing.service_of(destination.host, vs.namespace) is service
            }
            if subsets
            else set()
        )
        if subsets & routed:
            yield Reason("AMB213", "virtualservice-subset-route", True, rule.ref)  # noqa: FBT003

    def _soft(self, service: Service) -> Iterator[Reason]:
        replicas = sum(w.replicas or 0 for w in self._mesh.services.workloads(service))
        if replicas > 1 and any(port.protocol in MULTIPLEXED for port in service.ports):
            yield Reason("AMB605", "grpc-or-h2-load-balancing", False, service.ref)  # noqa: FBT003
        if service.resource.spec.get("sessionAffinity") == "ClientIP":
            yield Reason("AMB614", "session-affinity", False, service.ref)  # noqa: FBT003
        for rule in self._applying(service):
            policy = rule.spec.get("trafficPolicy") or {}
            balancer = policy.get("loadBalancer") or {}
            if any(policy.get(key) for key in _CLIENT_POLICY):
                yield Reason("AMB219", "destinationrule-client-policy", False, rule.ref)  # noqa: FBT003
            if balancer.get("localityLbSetting"):
                yield Reason("AMB228", "locality-lb-setting", False, rule.ref)  # noqa: FBT003
            if balancer.get("warmup") or balancer.get("warmupDurationSecs"):
                yield Reason("AMB230", "warmup-slow-start", False, rule.ref)  # noqa: FBT003


def patches_sidecars(envoy_filter: Resource) -> bool:
    """Whether some patch is for sidecars: its context is not GATEWAY (the default is ANY)."""
    patches = envoy_filter.spec.get("configPatches") or ()
    contexts = {(patch.get("match") or {}).get("context", "ANY") for patch in patches}
    return not patches or bool(contexts - {"GATEWAY", "WAYPOINT"})
