"""One snapshot with every fact that follows from it, computed once and only when asked.

This is what rules, planner and reports read. It only delegates: each subject has a module of its own
beside this one, which names the Istio file that it mirrors.
"""

from collections.abc import Mapping
from functools import cached_property

from migrator.istio.network import isolation
from migrator.istio.pods import dataplane, injection
from migrator.istio.pods.injection import Injection, Webhooks
from migrator.istio.policies import attachment, authz, effective, mtls
from migrator.istio.traffic import routing
from migrator.istio.waypoint import waypoints
from migrator.model.resource import GroupKind, Ref, Resource
from migrator.model.snapshot import Snapshot

from . import kinds, meshconfig, services, workloads
from . import labels as names
from .selectors import Labelled
from .versions import Version
from .workloads import Role, Workload

ASSUMED_VERSION = Version(1, 30, 3)


class Namespace:
    """A namespace; `resource` is None when only its objects are in the source."""

    def __init__(self, name: str, resource: Resource | None) -> None:
        self.name = name
        self.resource = resource

    @cached_property
    def labels(self) -> Mapping[str, str]:
        """Its labels, with the one that the API server always adds."""
        own = self.resource.labels if self.resource else {}
        return {"kubernetes.io/metadata.name": self.name, **own}

    @property
    def ref(self) -> Ref:
        return Ref(*kinds.NAMESPACE, "", self.name)


class Mesh:
    """The facts of one snapshot. Pure: the same snapshot gives the same answers."""

    def __init__(self, snapshot: Snapshot, *, istio_version: Version | None = None) -> None:
        self.snapshot = snapshot
        self._version = istio_version
        self._homes: dict[GroupKind, frozenset[str]] = {}
        self._webhooks_near: dict[str, Webhooks] = {}
        self._injections: dict[Workload, Injection] = {}
        self._states: dict[Workload, dataplane.State] = {}
        self._mtls: dict[Workload, mtls.Mtls] = {}
        self._effects: dict[Resource, authz.Evaluation] = {}
        self._labelled: dict[str, Labelled[Workload]] = {}

    def changed(self, changes: Mapping[Ref, Resource | None]) -> "Mesh":
        """The mesh with these objects in place of what was there; None for one that is gone."""
        return Mesh(self.snapshot.changed(changes), istio_version=self.istio_version)

    def namespaces_with(self, kind: GroupKind) -> frozenset[str]:
        """The namespaces that hold an object of `kind`."""
        found = self._homes.get(kind)
        if found is None:
            found = self._homes[kind] = frozenset(r.namespace for r in self.of(kind))
        return found

    def of(self, kind: GroupKind) -> tuple[Resource, ...]:
        return self.snapshot.of(kind)

    # -- the mesh as a whole

    @cached_property
    def config(self) -> meshconfig.MeshConfig:
        return meshconfig.mesh_config(self.snapshot)

    @cached_property
    def control_planes(self) -> tuple[meshconfig.ControlPlane, ...]:
        """Each istiod of the source; empty when the source holds none (unknown, not absent)."""
        return meshconfig.control_planes(self.snapshot)

    @cached_property
    def istio_version(self) -> Version:
        """What was asked for, else the oldest istiod of the source, else `ASSUMED_VERSION`."""
        seen = [c.version for c in self.control_planes if c.version]
        return self._version or min(seen, default=ASSUMED_VERSION)

    @cached_property
    def version_is_assumed(self) -> bool:
        return self._version is None and not any(c.version for c in self.control_planes)

    # -- namespaces and workloads

    @cached_property
    def namespaces(self) -> Mapping[str, Namespace]:
        """Every namespace that is declared or has workloads, by name."""
        declared: dict[str, Resource | None] = {r.name: r for r in self.of(kinds.NAMESPACE)}
        names = {*declared, *(w.namespace for w in self.workloads)}
        return {name: Namespace(name, declared.get(name)) for name in sorted(names)}

    def namespace(self, name: str) -> Namespace:
        return self.namespaces.get(name) or Namespace(name, None)

    @cached_property
    def workloads(self) -> tuple[Workload, ...]:
        return workloads.collect(self.snapshot)

    @cached_property
    def _workloads_by_namespace(self) -> Mapping[str, tuple[Workload, ...]]:
        found: dict[str, list[Workload]] = {}
        for workload in self.workloads:
            found.setdefault(workload.namespace, []).append(workload)
        return {name: tuple(group) for name, group in found.items()}

    def workloads_in(self, namespace: str) -> tuple[Workload, ...]:
        return self._workloads_by_namespace.get(namespace, ())

    @cached_property
    def labelled(self) -> Labelled[Workload]:
        """All workloads, to be found by the labels of their pods."""
        return Labelled(self.workloads, lambda w: w.labels)

    def labelled_in(self, namespace: str) -> Labelled[Workload]:
        """The workloads of `namespace`, to be found by the labels of their pods."""
        found = self._labelled.get(namespace)
        if found is None:
            own = self.workloads_in(namespace)
            found = self._labelled[namespace] = Labelled(own, lambda w: w.labels)
        return found

    @cached_property
    def _workloads_by_ref(self) -> Mapping[Ref, Workload]:
        return {w.ref: w for w in self.workloads}

    def workload(self, ref: Ref) -> Workload | None:
        return self._workloads_by_ref.get(ref)

    @cached_property
    def meshed(self) -> tuple[Workload, ...]:
        """Application workloads that have a sidecar now, or would get one: what there is to move."""
        return tuple(w for w in self.workloads if w.role is Role.APP and self.has_sidecar(w))

    @cached_property
    def meshed_refs(self) -> frozenset[Ref]:
        return frozenset(w.ref for w in self.meshed)

    @cached_property
    def _meshed_by_namespace(self) -> Mapping[str, tuple[Workload, ...]]:
        found: dict[str, list[Workload]] = {}
        for workload in self.meshed:
            found.setdefault(workload.namespace, []).append(workload)
        return {name: tuple(group) for name, group in found.items()}

    def meshed_in(self, namespace: str) -> tuple[Workload, ...]:
        """What there is to move in `namespace`."""
        return self._meshed_by_namespace.get(namespace, ())

    @cached_property
    def meshed_namespaces(self) -> tuple[str, ...]:
        return tuple(sorted({w.namespace for w in self.meshed}))

    # -- injection and data plane

    @cached_property
    def _webhooks(self) -> injection.Webhooks:
        return injection.webhooks(self.snapshot)

    def injection(self, workload: Workload) -> injection.Injection:
        """Whether Istio's webhook would inject the workload's next pod, and what decides it."""
        found = self._injections.get(workload)
        if found is None:
            labels = self.namespace(workload.namespace).labels
            found = injection.predict(self._webhooks_of(workload.namespace), labels, workload)
            self._injections[workload] = found
        return found

    def _webhooks_of(self, namespace: str) -> Webhooks:
        found = self._webhooks_near.get(namespace)
        if found is None:
            found = injection.near(self._webhooks, self.namespace(namespace).labels)
            self._webhooks_near[namespace] = found
        return found

    def injection_after_labels(self, workload: Workload) -> Injection:
        """The same, once its namespace has neither `istio-injection` nor `istio.io/rev`."""
        kept = {
            key: value
            for key, value in self.namespace(workload.namespace).labels.items()
            if key not in {names.INJECTION, names.REVISION}
        }
        return injection.predict(self._webhooks, kept, workload)

    @property
    def webhooks(self) -> Webhooks:
        """The injection webhooks, of the source or assumed."""
        return self._webhooks

    def injection_by_default(self) -> bool:
        """Whether a pod of a namespace without labels would be injected."""
        return injection.by_default(self._webhooks)

    def state(self, workload: Workload) -> dataplane.State:
        """Its data plane mode: seen on its pods, else predicted from template and labels."""
        found = self._states.get(workload)
        if found is None:
            found = self._states[workload] = dataplane.state(
                workload, self.injection(workload), self.would_be_enrolled(workload)
            )
        return found

    def has_sidecar(self, workload: Workload) -> bool:
        return self.state(workload).mode in dataplane.SIDECAR_MODES

    def would_be_enrolled(self, workload: Workload) -> bool:
        """Whether istio-cni would enrol its next pod under today's labels, were it without sidecar."""
        namespace = self.namespace(workload.namespace)
        return dataplane.eligible(workload, namespace.name, namespace.labels, self.cni)

    @cached_property
    def cni(self) -> meshconfig.CniConfig:
        return meshconfig.cni_config(self.snapshot)

    @cached_property
    def node_labels(self) -> Mapping[str, Mapping[str, str]]:
        """The labels of every node, by name."""
        return {node.name: node.labels for node in self.of(kinds.NODE)}

    # -- policies

    def mtls(self, workload: Workload) -> mtls.Mtls:
        """The effective PeerAuthentication: the mode of the workload and of its ports."""
        found = self._mtls.get(workload)
        if found is None:
            acting = self.attachments.on_workload(kinds.PEER_AUTHENTICATION, workload)
            found = mtls.effective(acting, self.config.root_namespace, workload)
            self._mtls[workload] = found
        return found

    @cached_property
    def attachments(self) -> attachment.Attachments:
        """Which policies act on which workloads and services, by selector and by target reference."""
        return attachment.Attachments(self)

    def effect(self, policy: Resource) -> authz.Evaluation:
        """What ztunnel makes of an AuthorizationPolicy, rule by rule."""
        found = self._effects.get(policy)
        if found is None:
            found = self._effects[policy] = authz.evaluate(policy, self.istio_version)
        return found

    @cached_property
    def enforced(self) -> tuple[effective.Effective, ...]:
        """The AuthorizationPolicies in effect on workloads that are to be moved, without dry runs."""
        return tuple(effective.enforced(self))

    @cached_property
    def network(self) -> isolation.Isolation:
        """The NetworkPolicies: which pods they isolate, and which workloads their peers name."""
        return isolation.Isolation(self)

    # -- services, routes, waypoints

    @cached_property
    def services(self) -> services.Services:
        return services.Services(self)

    @cached_property
    def routing(self) -> routing.Routing:
        return routing.Routing(self)

    @cached_property
    def waypoints(self) -> waypoints.Waypoints:
        return waypoints.Waypoints(self)
