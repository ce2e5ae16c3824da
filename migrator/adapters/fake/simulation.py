"""Every simulated controller, told of changes and working when simulated time passes."""

from collections.abc import Callable, Mapping

from migrator.istio import kinds
from migrator.model.resource import GroupKind, Ref

from .bodies import controller, ref_of
from .clock import FakeClock
from .facts import Facts, is_cni
from .faults import Faults
from .istiod import Istiod
from .jobs import Jobs
from .loop import Loop
from .pods import Pods
from .replicas import Replicas
from .routes import Routes
from .sets import Sets
from .store import Object, Store
from .waypoints import Waypoints

_SOON = 0.2


class Simulation:
    """Watches the store. Only what a change concerns is looked at again."""

    def __init__(self, store: Store, clock: FakeClock, faults: Faults) -> None:
        self._store = store
        self._loop = Loop(clock)
        self.facts = Facts(store)
        self.pods = Pods(store, self._loop, self.facts, faults)
        replicas, sets = Replicas(store, self.pods), Sets(store, self.pods)
        self._istiod = Istiod(store, self._loop, self.facts)
        self._waypoints = Waypoints(store)
        self._reconcile: Mapping[GroupKind, Callable[[Ref], None]] = {
            kinds.DEPLOYMENT: replicas.reconcile,
            kinds.ROLLOUT: replicas.reconcile,
            kinds.REPLICA_SET: self._if_alone(replicas.reconcile_set),
            kinds.STATEFUL_SET: sets.reconcile_stateful,
            kinds.DAEMON_SET: sets.reconcile_daemon,
            kinds.JOB: Jobs(store, self._loop, self.pods).reconcile,
            kinds.GATEWAY: self._waypoints.reconcile,
            kinds.HTTP_ROUTE: Routes(store).reconcile,
        }
        store.watch(self._changed)

    def look_again(self, workload: Ref) -> None:
        """At the readiness of its pods: a fault on it came or went."""
        body = self._store.get(workload)
        if body is None:
            return
        for kind in (kinds.REPLICA_SET, kinds.POD):
            for one in self._store.owned(body, kind):
                self.look_again(ref_of(one))
        if workload.group_kind == kinds.POD:
            self.pods.start(workload, body["metadata"]["uid"])

    def _changed(self, ref: Ref, old: Object | None, new: Object | None) -> None:
        if ref.group_kind == kinds.POD:
            self.pods.changed(ref, old, new)
            self._poke_maker(new or old or {})
            return
        if ref.group_kind == kinds.DEPLOYMENT and new is not None:
            self._poke_waypoint(new)
        if old is not None and new is not None and _is_status(ref, old, new):
            return
        if new is None and old is not None:
            self._loop.soon(_SOON, self._collect, old["metadata"]["uid"])
        if ref.group_kind == kinds.NAMESPACE and _labels(old) != _labels(new):
            self._enrol(ref.name)
        if ref.group_kind == kinds.DAEMON_SET and new is not None and is_cni(new):
            self._enrol("")
        self._istiod.changed(ref, old, new)
        self._poke(ref)

    def _enrol(self, namespace: str) -> None:
        for pod in self._store.of(kinds.POD, namespace):
            self.pods.enrol_soon(ref_of(pod))

    def _poke(self, ref: Ref) -> None:
        if ref.group_kind in self._reconcile:
            self._loop.soon(_SOON, self._reconcile[ref.group_kind], ref)
        if ref.group_kind == kinds.CONFIG_MAP:  # a waypoint may have waited for its options
            for gateway in self._store.of(kinds.GATEWAY, ref.namespace):
                self._poke(ref_of(gateway))

    def _poke_maker(self, pod: Object) -> None:
        """Up to the workload: a ReplicaSet of a Deployment only passes it on."""
        at: Object | None = pod
        while at is not None and (maker := controller(at)):
            at = self._store.get(maker)
            if at is not None:
                self._poke(maker)

    def _poke_waypoint(self, deployment: Object) -> None:
        gateway = self._waypoints.of_deployment(deployment)
        if gateway is not None:
            self._poke(gateway)

    def _if_alone(self, reconcile: Callable[[Ref], None]) -> Callable[[Ref], None]:
        def alone(ref: Ref) -> None:
            body = self._store.get(ref)
            maker = controller(body) if body else None
            if maker is None or maker.group_kind not in kinds.CONTROLLERS:
                reconcile(ref)

        return alone

    def _collect(self, uid: str) -> None:
        """The garbage collector: what an object owned goes after it."""
        for ref in self._store.dependents(uid):
            body = self._store.get(ref)
            if body is not None and ref.group_kind == kinds.POD:
                self.pods.end(body)
            else:
                self._store.remove(ref)


def _labels(body: Object | None) -> object:
    return (body or {}).get("metadata", {}).get("labels")


def _is_status(ref: Ref, old: Object, new: Object) -> bool:
    """Whether nothing changed that a controller acts on. An address of a Gateway is such a thing."""
    if ref.group_kind == kinds.GATEWAY:
        before, after = old.get("status") or {}, new.get("status") or {}
        if bool(before.get("addresses")) != bool(after.get("addresses")):
            return False
    return _labels(old) == _labels(new) and _acted_on(old) == _acted_on(new)


def _acted_on(body: Object) -> Object:
    return {key: value for key, value in body.items() if key not in {"metadata", "status"}}
