"""Which policies are written for the way, and which of the old ones change: per pod, without a window.

For each guarded workload: copies for its waypoint, an ALLOW for the waypoint's identity beside its own
ALLOWs, a guard that binds its ambient pods only, and the old HTTP-level policies narrowed to pods that
have a sidecar. Each is neutral at the moment when it is applied.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.policies.authorizers import provider_of, service_of
from migrator.istio.policies.authz import action_of
from migrator.istio.services import Service
from migrator.istio.workloads import Workload
from migrator.model.resource import GroupKind, Ref, Resource
from migrator.planner.decisions.layout import Layout
from migrator.planner.decisions.protection import can_narrow, enforced_on, has_allow
from migrator.translate import authorization_policy, request_authentication, target_refs
from migrator.translate.manifest import fresh_name
from migrator.translate.waypoint import principal

_OF_THE_WAY = frozenset({names.INJECT, names.REVISION, names.DATAPLANE_MODE})  # the move sets them
_COPIED = (kinds.AUTHORIZATION_POLICY, kinds.REQUEST_AUTHENTICATION)
_RULE_BY_ACTION = {"ALLOW": "AMB101", "DENY": "AMB102", "CUSTOM": "AMB103", "AUDIT": "AMB104"}
_RULE_BY_KIND = {
    kinds.REQUEST_AUTHENTICATION: "AMB117",
    kinds.WASM_PLUGIN: "AMB409",
    kinds.TRAFFIC_EXTENSION: "AMB409",
    kinds.TELEMETRY: "AMB410",
}
_EXTENSIONS = (kinds.WASM_PLUGIN, kinds.TRAFFIC_EXTENSION, kinds.TELEMETRY)


@dataclass(frozen=True)
class Copy:
    """A twin of `policy` for waypoints; `services` are those that it is bound to."""

    policy: Resource
    manifest: dict[str, Any]


@dataclass(frozen=True)
class HandOver:
    """All policy objects of the plan; keys are references of workloads and of old policies."""

    copies: tuple[Copy, ...] = ()
    allows: Mapping[Ref, dict[str, Any]] = field(default_factory=dict)
    guards: Mapping[Ref, dict[str, Any]] = field(default_factory=dict)
    exempted: Mapping[Ref, tuple[Resource, dict[str, Any]]] = field(default_factory=dict)
    narrowed: Mapping[Ref, tuple[Resource, dict[str, Any]]] = field(default_factory=dict)


def hand_over(layout: Layout) -> HandOver:
    """The hand-over of every bound workload of the layout."""
    taken = _taken_names(layout)
    servers = tuple(w for w in layout.moving if layout.services_of(w))
    policies = _effective(layout, servers)
    exempted = _exempted(layout, policies, servers)
    return HandOver(
        copies=tuple(_copies(layout, policies, taken)),
        allows={
            w.ref: _allow(layout, w, principals, taken)
            for w, principals in _admitting(layout, servers).items()
            if has_allow(layout.mesh, w)
        },
        guards={w.ref: _guard(layout, w, taken) for w in servers if w.ref in layout.guarded},
        exempted=exempted,
        narrowed=_narrowed(layout, policies, exempted),
    )


def principals_of(layout: Layout, workload: Workload) -> tuple[str, ...]:
    """The identities of the waypoints in front of the workload."""
    domain = layout.mesh.config.trust_domain
    homes = {service.namespace for service in layout.services_of(workload)}
    return tuple(principal(domain, namespace) for namespace in sorted(homes))


def _effective(layout: Layout, servers: tuple[Workload, ...]) -> dict[Ref, Resource]:
    found: dict[Ref, Resource] = {}
    for workload in servers:
        for kind in (*_COPIED, *_EXTENSIONS):
            for policy in layout.mesh.attachments.on_workload(kind, workload):
                found[policy.ref] = policy
    return dict(sorted(found.items()))


def _copies(
    layout: Layout, policies: dict[Ref, Resource], taken: dict[GroupKind, set[str]]
) -> Iterable[Copy]:
    root = layout.mesh.config.root_namespace
    for policy in policies.values():
        mesh_wide = policy.namespace == root and not policy.spec.get("selector")
        others = bool(layout.mesh.waypoints.gateways)  # a copy for the class would bind them too
        is_authz = policy.ref.group_kind == kinds.AUTHORIZATION_POLICY
        if mesh_wide and policy.ref.group_kind == kinds.TELEMETRY:
            continue  # waypoints read these from the root namespace by themselves
        if mesh_wide and is_authz and not others and not authorization_policy.names_ports(policy):
            yield _named(Copy(policy, authorization_policy.copy_for_class(policy)), taken)
            continue
        for namespace, services in _services_under(layout, policy).items():
            for manifest in _bound(policy, services, namespace):
                yield _named(Copy(policy, manifest), taken)


def _bound(
    policy: Resource, services: dict[str, Service], namespace: str
) -> tuple[dict[str, Any], ...]:
    match policy.ref.group_kind:
        case kinds.AUTHORIZATION_POLICY:
            ports = {name: _port_map(service) for name, service in services.items()}
            return authorization_policy.copies_for_services(policy, ports, namespace)
        case kinds.REQUEST_AUTHENTICATION:
            return request_authentication.copies_for_services(policy, [*services], namespace)
        case _:
            return target_refs.bound_copies(policy, [*services], namespace)


def _services_under(layout: Layout, policy: Resource) -> dict[str, dict[str, Service]]:
    """Bound Services by namespace and name that lead to a workload of the policy."""
    found: dict[str, dict[str, Service]] = {}
    for workload in layout.mesh.attachments.workloads_of(policy):
        for service in layout.services_of(workload):
            found.setdefault(service.namespace, {})[service.name] = service
    return dict(sorted(found.items()))


def _port_map(service: Service) -> dict[str, tuple[str, ...]]:
    ports: dict[str, list[str]] = {}
    for port in service.ports:
        ports.setdefault(str(port.target or port.number), []).append(str(port.number))
    return {target: tuple(sorted(found, key=int)) for target, found in ports.items()}


def _named(copy: Copy, taken: dict[GroupKind, set[str]]) -> Copy:
    meta = copy.manifest["metadata"]
    names = taken.setdefault(copy.policy.ref.group_kind, set())
    full = fresh_name(f"{meta['namespace']}/{meta['name']}", names)
    name = full.partition("/")[2]
    return replace(copy, manifest={**copy.manifest, "metadata": {**meta, "name": name}})


def _taken_names(layout: Layout) -> dict[GroupKind, set[str]]:
    return {
        kind: {f"{r.namespace}/{r.name}" for r in layout.mesh.of(kind)}
        for kind in (*_COPIED, *_EXTENSIONS)
    }


def _policy_name(prefix: str, workload: Workload, taken: dict[GroupKind, set[str]]) -> str:
    names = taken.setdefault(kinds.AUTHORIZATION_POLICY, set())
    return fresh_name(f"{workload.namespace}/{prefix}-{workload.name}", names).partition("/")[2]


def _admitting(layout: Layout, servers: tuple[Workload, ...]) -> dict[Workload, tuple[str, ...]]:
    """Who must admit which waypoints: servers their own, and external authorizers those that will ask."""
    found: dict[Workload, set[str]] = {w: set(principals_of(layout, w)) for w in servers}
    for workload in servers:
        for policy in enforced_on(layout.mesh, workload):
            service = service_of(layout.mesh, provider_of(policy))
            for asked in layout.mesh.services.workloads(service) if service else ():
                found.setdefault(asked, set()).update(principals_of(layout, workload))
    ordered = sorted(found, key=lambda w: w.ref)
    return {workload: tuple(sorted(found[workload])) for workload in ordered}


def _allow(
    layout: Layout,
    workload: Workload,
    principals: tuple[str, ...],
    taken: dict[GroupKind, set[str]],
) -> dict[str, Any]:
    return authorization_policy.allow_waypoint(
        workload.namespace,
        _policy_name("allow-waypoint", workload, taken),
        pod_selector(layout, workload),
        principals,
    )


def _guard(layout: Layout, workload: Workload, taken: dict[GroupKind, set[str]]) -> dict[str, Any]:
    return authorization_policy.guard(
        workload.namespace,
        _policy_name("guard", workload, taken),
        pod_selector(layout, workload),
        principals_of(layout, workload),
    )


def pod_selector(layout: Layout, workload: Workload) -> Mapping[str, str]:
    """Labels that this workload's pods have and no other workload's of the namespace, if there are any."""
    chosen = (workload.resource.spec.get("selector") or {}).get("matchLabels") or {}
    others = [
        w.labels for w in layout.mesh.workloads_in(workload.namespace) if w.ref != workload.ref
    ]
    if chosen and not any(chosen.items() <= labels.items() for labels in others):
        return dict(chosen)
    return {key: value for key, value in workload.labels.items() if key not in _OF_THE_WAY}


def _exempted(
    layout: Layout, policies: dict[Ref, Resource], servers: tuple[Workload, ...]
) -> dict[Ref, tuple[Resource, dict[str, Any]]]:
    serving = {w.ref: w for w in servers}
    found = {}
    for ref, policy in policies.items():
        if ref.group_kind != kinds.AUTHORIZATION_POLICY or action_of(policy) != "DENY":
            continue
        touched = [w for w in layout.mesh.attachments.workloads_of(policy) if w.ref in serving]
        principals = sorted({p for w in touched for p in principals_of(layout, w)})
        spec = authorization_policy.exempting(policy, principals)
        if spec is not None:
            found[ref] = (policy, spec)
    return found


def _narrowed(
    layout: Layout,
    policies: dict[Ref, Resource],
    exempted: dict[Ref, tuple[Resource, dict[str, Any]]],
) -> dict[Ref, tuple[Resource, dict[str, Any]]]:
    found = {}
    for ref, policy in policies.items():
        if ref.group_kind == kinds.AUTHORIZATION_POLICY and can_narrow(layout.mesh, policy):
            spec = exempted[ref][1] if ref in exempted else policy.spec
            current = replace(policy, body={**policy.body, "spec": spec})
            found[ref] = (policy, authorization_policy.narrowed_to_sidecars(current))
    return found


def rule_about(policy: Resource) -> str:
    """The code of the rule that says why `policy` needs a twin at the waypoint."""
    if policy.ref.group_kind == kinds.AUTHORIZATION_POLICY:
        return _RULE_BY_ACTION[action_of(policy)]
    return _RULE_BY_KIND[policy.ref.group_kind]
