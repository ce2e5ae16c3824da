"""Which policies act on which pods and Services.

Mirrors `ShouldAttachPolicy` of istio/istio pilot/pkg/model/policyattachment.go, and for what differs by
kind: `getConfigsForWorkload` (authentication.go), `applicableTelemetries` (telemetry.go),
`mergedWorkloadConfig` (proxy_config.go), `doGetSidecarScope` (push_context.go).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.selectors import has_labels
from migrator.istio.versions import Version
from migrator.istio.workloads import Role, Workload
from migrator.model.resource import GroupKind, Ref, Resource

from .enforcement import By, Enforcer, who_enforces
from .targets import target_refs, targets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from migrator.istio.mesh import Mesh
    from migrator.istio.services import Service

_WAYPOINT_SKIPS_FILTERS_SINCE = Version(1, 27)


class _Reach(NamedTuple):
    """How policies of one kind find pods.

    `root_selects`: a selector in the root namespace selects pods of all namespaces. `one_per_level`: of
    the policies without selector of a namespace only the oldest acts; `one_selected`: and of those with
    a selector, too.
    """

    root_selects: bool = True
    one_per_level: bool = False
    one_selected: bool = False


_ONE = _Reach(root_selects=False, one_per_level=True, one_selected=True)
_REACH = {
    kinds.AUTHORIZATION_POLICY: _Reach(),
    kinds.REQUEST_AUTHENTICATION: _Reach(),
    kinds.PEER_AUTHENTICATION: _ONE,
    kinds.TELEMETRY: _ONE._replace(one_selected=False),
    kinds.ENVOY_FILTER: _Reach(),
    kinds.WASM_PLUGIN: _Reach(),
    kinds.TRAFFIC_EXTENSION: _Reach(),
    kinds.SIDECAR: _ONE,
    kinds.PROXY_CONFIG: _ONE,
}


class _Held(NamedTuple):
    """The policies of one kind in one namespace, the oldest first: without selector, and with its labels."""

    plain: list[Resource]
    selecting: list[tuple[Mapping[str, str], Resource]]


_NONE_HELD = _Held([], [])


def selector_labels(policy: Resource) -> Mapping[str, str]:
    """The labels that a policy selects pods by; empty when it selects all of its reach."""
    if policy.ref.group_kind in {kinds.ENVOY_FILTER, kinds.SIDECAR}:
        return (policy.spec.get("workloadSelector") or {}).get("labels") or {}
    return (policy.spec.get("selector") or {}).get("matchLabels") or {}


def _age(policy: Resource) -> tuple[str, str]:
    """By creation, then by name; what only stands in a file is to be created yet."""
    return str(policy.metadata.get("creationTimestamp") or "~"), policy.name


class Attachments:
    """Policies by what they act on. Answers are kept: each is computed once for a mesh."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._root = mesh.config.root_namespace
        self._by_namespace: dict[GroupKind, dict[str, _Held]] = {}
        self._by_target: dict[GroupKind, dict[Ref, list[Resource]]] = {}
        self._of_workload: dict[tuple[GroupKind, Ref], tuple[Resource, ...]] = {}
        self._of_policy: dict[Ref, tuple[Workload, ...]] = {}
        self._apps_of: dict[Ref, tuple[Workload, ...]] = {}

    def on_workload(self, kind: GroupKind, workload: Workload) -> tuple[Resource, ...]:
        """The policies in effect on its pods by selector, namespace or root namespace.

        The mesh-wide ones come first, then those of the namespace, then the selected ones.
        """
        key = (kind, workload.ref)
        found = self._of_workload.get(key)
        if found is None:
            found = self._of_workload[key] = self.acting_on(kind, workload)
        return found

    def workloads_of(self, policy: Resource) -> tuple[Workload, ...]:
        """The workloads on whose pods it is in effect, gateways included."""
        if policy.ref not in self._of_policy:
            kind, wanted = policy.ref.group_kind, selector_labels(policy)
            within = (
                self._mesh.labelled
                if policy.namespace == self._root
                else self._mesh.labelled_in(policy.namespace)
            )
            self._of_policy[policy.ref] = tuple(
                workload
                for workload in within.carrying(wanted)
                if policy in self.on_workload(kind, workload)
            )
        return self._of_policy[policy.ref]

    def apps_of(self, policy: Resource) -> tuple[Workload, ...]:
        """Those of `workloads_of` that are to be moved."""
        found = self._apps_of.get(policy.ref)
        if found is None:
            meshed = self._mesh.meshed_refs
            found = tuple(w for w in self.workloads_of(policy) if w.ref in meshed)
            self._apps_of[policy.ref] = found
        return found

    def scope_of(self, policy: Resource) -> str:
        """`target`, `workload`, `mesh` or `namespace`, as the policy is written."""
        if target_refs(policy):
            return "target"
        if selector_labels(policy):
            return "workload"
        return "mesh" if policy.namespace == self._root else "namespace"

    def on_service(self, kind: GroupKind, service: Service) -> tuple[Resource, ...]:
        """The policies that its waypoint enforces, or would enforce once it has one, by target."""
        own = Ref(*kinds.SERVICE, service.namespace, service.name)
        every = Ref(*kinds.GATEWAY_CLASS, "", names.WAYPOINT_CLASS)
        gateway = self._mesh.waypoints.bound_to(service).gateway
        targeting = self._targeting(kind)
        found = {policy.ref: policy for policy in targeting.get(own, ())}
        found |= {p.ref: p for p in targeting.get(every, ()) if p.namespace == self._root}
        if gateway is not None:
            near = (p for p in targeting.get(gateway, ()) if p.namespace == gateway.namespace)
            found |= {policy.ref: policy for policy in near}
        return tuple(found[ref] for ref in sorted(found))

    def _targeting(self, kind: GroupKind) -> Mapping[Ref, list[Resource]]:
        """The policies of a kind by what they target."""
        if kind not in self._by_target:
            found: dict[Ref, list[Resource]] = {}
            for policy in self._mesh.of(kind):
                for ref, _ in targets(policy):
                    found.setdefault(ref, []).append(policy)
            self._by_target[kind] = found
        return self._by_target[kind]

    def acting_on(self, kind: GroupKind, workload: Workload) -> tuple[Resource, ...]:
        """The same, computed anew: for pods with other labels than their workload's template."""
        reach = _REACH[kind]
        if not self._mesh.of(kind) or not self._listens(kind, workload):
            return ()
        levels = self._levels(kind, reach, workload)
        if reach.one_per_level:
            levels[0], levels[1] = levels[0][:1], levels[1][:1]
        if reach.one_selected:
            levels[2] = levels[2][:1]
        if workload.role is Role.WAYPOINT:
            levels[2] = []
        if kind == kinds.SIDECAR:
            return tuple((levels[2] or levels[1] or levels[0])[:1])
        return tuple(policy for level in levels for policy in level)

    def _levels(self, kind: GroupKind, reach: _Reach, workload: Workload) -> list[list[Resource]]:
        """What matches the workload: mesh-wide, namespace-wide, and by its labels; the oldest first."""
        root, own = self._in(kind, self._root), self._in(kind, workload.namespace)
        at_home = workload.namespace == self._root
        candidates = [*root.selecting, *([] if at_home else own.selecting)]
        if not reach.root_selects:
            candidates = own.selecting
        if kind == kinds.PEER_AUTHENTICATION and at_home:
            candidates = []  # a selector in the root namespace has no effect at all
        return [
            root.plain,
            [] if at_home else own.plain,
            [policy for wanted, policy in candidates if has_labels(wanted, workload.labels)],
        ]

    def _listens(self, kind: GroupKind, workload: Workload) -> bool:
        """Whether the workload's role reads policies of this kind without a target."""
        match workload.role:
            case Role.CONTROL_PLANE:
                return False
            case Role.GATEWAY:
                return Enforcer.GATEWAY in who_enforces(kind, By.SELECTOR)
            case Role.WAYPOINT:
                version = self._mesh.istio_version
                old_filter = kind == kinds.ENVOY_FILTER and version < _WAYPOINT_SKIPS_FILTERS_SINCE
                return old_filter or Enforcer.WAYPOINT in who_enforces(kind, By.MESH)
            case _:
                return True

    def wide(self, kind: GroupKind, namespace: str) -> Sequence[Resource]:
        """The policies of a namespace without selector and target, the oldest first."""
        return self._in(kind, namespace).plain

    def _in(self, kind: GroupKind, namespace: str) -> _Held:
        if kind not in self._by_namespace:
            found: dict[str, _Held] = {}
            for policy in sorted(self._mesh.of(kind), key=_age):
                if target_refs(policy):
                    continue
                held = found.setdefault(policy.namespace, _Held([], []))
                if wanted := selector_labels(policy):
                    held.selecting.append((wanted, policy))
                else:
                    held.plain.append(policy)
            self._by_namespace[kind] = found
        return self._by_namespace[kind].get(namespace, _NONE_HELD)
