"""One moment of a mesh: its objects, and the pods that run, which may be of two generations at once.

A pod keeps the labels that it was born with and the sidecar that it was born with. Only the capture of pods
without a sidecar follows labels while they run (istio/istio cni/pkg/nodeagent/informers.go).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.mesh import Mesh
from migrator.istio.pods import dataplane
from migrator.istio.pods.dataplane import SIDECAR_MODES, Mode
from migrator.istio.services import Service
from migrator.istio.waypoint import waypoint_acceptance
from migrator.istio.workloads import Role, Workload
from migrator.model.resource import Ref, Resource

_HASHES = frozenset(
    {names.POD_TEMPLATE_HASH, "controller-revision-hash", "pod-template-generation",
     "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"}
)  # fmt: skip
_INJECTED = {names.TLS_MODE: "istio", names.TUNNEL: "http"}
_FINISHED = frozenset({"Succeeded", "Failed"})
_FOR_SERVICES = frozenset({"service", "all"})


class Readiness(StrEnum):
    """What becomes of a call to a Service that is bound to a waypoint.

    `absent`: it goes to the pods directly, as if nothing were bound. `down`: it is refused.
    """

    READY = "ready"
    ABSENT = "absent"
    DOWN = "down"


class Pods(NamedTuple):
    """Pods of one workload that are alike: their mode, and the labels that policies select by."""

    mode: Mode
    labels: tuple[tuple[str, str], ...]


def pods_of(mesh: Mesh, workload: Workload) -> frozenset[Pods]:
    """Its pods: those that run, else what its next pod would be.

    A predicted sidecar is taken to accept HBONE unless the source's istiod is known to lack ambient: a
    plan has them restarted before anybody could notice.
    """
    running = [p for p in workload.pods if p.status.get("phase") not in _FINISHED]
    state = mesh.state(workload)
    if state.seen and running:
        return frozenset(
            Pods(dataplane.classify(pod, workload.pod_spec), _kept(pod.labels)) for pod in running
        )
    mode = state.mode
    if mode is Mode.SIDECAR and all(one.ambient is not False for one in mesh.control_planes):
        mode = Mode.SIDECAR_HBONE
    injected = _injected(workload) if mode in SIDECAR_MODES else {}
    return frozenset({Pods(mode, _kept({**injected, **workload.labels}))})


def _injected(workload: Workload) -> dict[str, str]:
    """Labels that a sidecar comes with: files/injection-template.yaml of istio/istio's istio-discovery."""
    own = workload.labels
    name = own.get("app.kubernetes.io/name") or own.get("app") or workload.name
    revision = own.get("app.kubernetes.io/version") or own.get("version") or "latest"
    return {
        **_INJECTED,
        "service.istio.io/canonical-name": name[:63].strip("-_."),
        "service.istio.io/canonical-revision": revision,
    }


def _kept(labels: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((k, v) for k, v in labels.items() if k not in _HASHES))


@dataclass(frozen=True, eq=False)
class State:
    """A mesh at one moment.

    `pods`: what runs, by workload; of a workload that is not in it what its objects say. `waypoints`: what
    is known of a waypoint beyond its Gateway.
    """

    mesh: Mesh
    pods: Mapping[Ref, frozenset[Pods]] = field(default_factory=dict)
    waypoints: Mapping[Ref, Readiness] = field(default_factory=dict)

    def pods_of(self, workload: Workload) -> frozenset[Pods]:
        """Its pods at this moment."""
        found = self.pods.get(workload.ref) or self._predicted.get(workload.ref)
        if found is None:
            found = self._predicted[workload.ref] = pods_of(self.mesh, workload)
        return found

    @cached_property
    def kept(self) -> dict[type, Any]:
        """What was computed of this state, by its type: each once, however often it is compared."""
        return {}

    @cached_property
    def _predicted(self) -> dict[Ref, frozenset[Pods]]:
        return {}

    def then(
        self,
        mesh: Mesh,
        *,
        restarted: Iterable[Ref] = (),
        rolling: Iterable[Ref] = (),
        waypoints: Mapping[Ref, Readiness] | None = None,
    ) -> "State":
        """The moment after the objects became those of `mesh`.

        Pods live on, but for those of `restarted`, which are all new; those of `rolling` are old and new
        ones at once. Pods without a sidecar are captured, or let go, as their labels say now.
        """
        anew, half = frozenset(restarted), frozenset(rolling)
        pods = {}
        for workload in mesh.workloads:
            if workload.ref in anew:
                pods[workload.ref] = pods_of(mesh, workload)
                continue
            old = self._living(mesh, workload)
            pods[workload.ref] = old | pods_of(mesh, workload) if workload.ref in half else old
        return State(mesh, pods, self.waypoints if waypoints is None else waypoints)

    def _living(self, mesh: Mesh, workload: Workload) -> frozenset[Pods]:
        before = self.mesh.workload(workload.ref)
        if before is None:
            return pods_of(mesh, workload)
        return frozenset(_captured(mesh, workload, pods) for pods in self.pods_of(before))

    def is_direct(self, service: Service) -> bool:
        """Whether its address leads to pods without a virtual IP between."""
        return service.headless or service.type == "ExternalName"

    def waypoint_of(self, service: Service) -> tuple[Ref | None, Readiness]:
        """The waypoint that its callers are sent to.

        Mirrors `fetchWaypointForService` of istio/istio pilot/pkg/serviceregistry/ambient/waypoints.go: a
        waypoint that is not there, has no address, or does not admit the Service is passed by.
        """
        gateway = self.mesh.waypoints.bound_to(service).gateway
        if gateway is None or self.is_direct(service):
            return None, Readiness.ABSENT
        known = self._gateways.get(gateway)
        if known is None or not waypoint_acceptance.admits(self.mesh, known, service.namespace):
            return None, Readiness.ABSENT
        if waypoint_acceptance.traffic(self.mesh, known) not in _FOR_SERVICES:
            return None, Readiness.ABSENT
        told = self.waypoints.get(gateway) or self._readiness(known)
        return (None, told) if told is Readiness.ABSENT else (gateway, told)

    def _readiness(self, gateway: Resource) -> Readiness:
        if not waypoint_acceptance.is_ready(gateway):
            return Readiness.ABSENT
        home = self.mesh.workload(Ref(*kinds.DEPLOYMENT, gateway.namespace, gateway.name))
        stopped = home is not None and home.role is Role.WAYPOINT and home.replicas == 0
        return Readiness.DOWN if stopped else Readiness.READY

    @cached_property
    def _gateways(self) -> Mapping[Ref, Resource]:
        return {gateway.ref: gateway for gateway in self.mesh.waypoints.gateways}

    def ingress_uses_waypoint(self, service: Service) -> bool:
        """`ingressUseWaypointFromLabels` of pilot/pkg/serviceregistry/ambient/services.go."""
        own = service.labels.get(names.INGRESS_USE_WAYPOINT)
        if own is None:
            own = self.mesh.namespace(service.namespace).labels.get(names.INGRESS_USE_WAYPOINT)
        return (own or "").lower() == "true"

    def servers(self, service: Service) -> Iterator[tuple[Workload, Pods]]:
        """The pods behind a Service, waypoints' own left out."""
        for workload in self.mesh.services.workloads(service):
            if workload.role in {Role.APP, Role.GATEWAY}:
                for pods in sorted(self.pods_of(workload)):
                    yield workload, pods


def born_with(workload: Workload, pods: Pods) -> Workload:
    """The workload as if its template had the labels of these pods."""
    meta = {**(workload.template.get("metadata") or {}), "labels": dict(pods.labels)}
    return replace(workload, template={**workload.template, "metadata": meta})


def _captured(mesh: Mesh, workload: Workload, pods: Pods) -> Pods:
    if pods.mode not in {Mode.NONE, Mode.AMBIENT}:
        return pods
    namespace = mesh.namespace(workload.namespace)
    enrolled = dataplane.eligible(
        born_with(workload, pods), namespace.name, namespace.labels, mesh.cni
    )
    return pods._replace(mode=Mode.AMBIENT if enrolled else Mode.NONE)
