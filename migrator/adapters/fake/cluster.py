"""The port `Cluster` in memory: objects as an API server keeps them, and simulated controllers.

Deterministic: the same calls at the same simulated times give the same answers. Everything that it shows is
simulated: nothing that it says about a mesh was seen.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from migrator.errors import ClusterError, ConflictError, NotFoundError
from migrator.istio import kinds
from migrator.istio.meshconfig import mesh_config
from migrator.model.mergepatch import merged
from migrator.model.resource import GroupKind, Ref
from migrator.model.snapshot import Snapshot
from migrator.ports import Body

from . import admission, platform, seed
from .bodies import decoded, ref_of
from .clock import FakeClock
from .faults import Faults, Write
from .simulation import Simulation
from .store import Object, Store

_KNOWN = kinds.KNOWN | {admission.LEASE, admission.EVENT}
_SETTLING = 120.0


class FakeCluster:
    """`clock` is what makes things happen: controllers work while it sleeps."""

    def __init__(self, bodies: Iterable[Body] = (), clock: FakeClock | None = None) -> None:
        self.clock = clock or FakeClock()
        self.faults = Faults()
        self.writes: list[Write] = []
        self._store = Store(self.clock)
        self._simulation = Simulation(self._store, self.clock, self.faults)
        for body in bodies:
            self._store.add(ref_of(body), decoded(body))

    @classmethod
    def of(cls, snapshot: Snapshot, clock: FakeClock, *, ambient: bool = True) -> "FakeCluster":
        """The cluster that `snapshot` describes, at rest: workloads without pods have got theirs.

        With `ambient` its platform is what the first phase of a plan asks a person for.
        """
        cluster = cls(clock=clock)
        root = mesh_config(snapshot).root_namespace
        seed.plant(cluster._store, snapshot, root, cluster._simulation.pods.admitted)
        platform.install_nodes(cluster._store)
        clock.settle(_SETTLING)
        if ambient:
            cluster.install_ambient()
        return cluster

    # -- the port

    def get(self, ref: Ref) -> Body | None:
        self.faults.on_read("get", ref.group_kind)
        return self._store.get(ref)

    def list(
        self, kind: GroupKind, namespace: str = "", labels: Mapping[str, str] | None = None
    ) -> Sequence[Body]:
        self.faults.on_read("list", kind)
        return self._store.of(kind, "" if kind in kinds.CLUSTER_SCOPED else namespace, labels)

    def create(self, manifest: Body, *, dry_run: bool = False) -> Body:
        ref = _served(ref_of(manifest))
        write = Write("create", ref, decoded(manifest))
        self.faults.on_admission(write)
        if not dry_run:
            self._write(write, lambda: self._create(ref, manifest))
            return self._found(ref)
        return self._new(ref, manifest)

    def patch(self, ref: Ref, patch: Body, *, version: str = "", dry_run: bool = False) -> Body:
        _served(ref)
        write = Write("patch", ref, decoded(patch))
        self.faults.on_admission(write)
        if not dry_run:
            self._write(write, lambda: self._patch(ref, patch, version))
            return self._found(ref)
        return self._store.versioned(ref, self._updated(ref, patch, version))

    def delete(self, ref: Ref, *, uid: str = "", dry_run: bool = False) -> None:
        write = Write("delete", _served(ref))
        self.faults.on_admission(write)
        if dry_run:
            self._check_uid(ref, uid)
        else:
            self._write(write, lambda: self._delete(ref, uid))

    def release(self, ref: Ref) -> None:
        """Fields have no owners here: whoever writes last is right."""

    def may(self, verb: str, kind: GroupKind, namespace: str = "") -> bool:  # noqa: ARG002
        return self.faults.may(verb, kind)

    # -- the world around it

    def install_ambient(self) -> None:
        """What the first phase of a plan asks a person for: istiod, istio-cni, ztunnel, Gateway API."""
        platform.install_ambient(self._store, self._simulation.facts.root_namespace)
        self.clock.settle(_SETTLING)

    def meddle(self, ref: Ref, patch: Body) -> None:
        """Somebody else patches the object: no fault stops them, and it is not in `writes`."""
        self._patch(ref, patch, "")

    def meddle_create(self, manifest: Body) -> None:
        """Somebody else creates the object."""
        self._create(ref_of(manifest), manifest)

    def meddle_delete(self, ref: Ref) -> None:
        """Somebody else deletes the object, if it is there."""
        self._delete(ref, "")

    def hold_back(self, workload: Ref) -> None:
        """From now on no pod of the workload is Ready, not those that are there either."""
        self.faults.unready.add(workload)
        self._simulation.look_again(workload)

    def let_go(self, workload: Ref) -> None:
        """Its pods become Ready again."""
        self.faults.unready.discard(workload)
        self._simulation.look_again(workload)

    def everything(self) -> tuple[Body, ...]:
        """Every object, in the order of kinds, namespaces and names."""
        return tuple(self._store.everything())

    # -- how a change is made

    def _write(self, write: Write, store: Callable[[], None]) -> None:
        def stored() -> None:
            store()
            self.writes.append(write)

        self.faults.on_write(write, stored)

    def _new(self, ref: Ref, manifest: Body) -> Object:
        body = admission.new(self._store, ref, decoded(manifest))
        return self._simulation.pods.admitted(body) if ref.group_kind == kinds.POD else body

    def _create(self, ref: Ref, manifest: Body) -> None:
        self._store.add(ref, self._new(ref, manifest))

    def _updated(self, ref: Ref, patch: Body, version: str) -> Object:
        old = self._found(ref)
        wanted = version or str((patch.get("metadata") or {}).get("resourceVersion") or "")
        if wanted and wanted != old["metadata"]["resourceVersion"]:
            raise ConflictError(
                "the object was changed by someone else", detail=f"{ref}: not at version {wanted}"
            )
        return admission.updated(ref, old, merged(old, decoded(patch)))

    def _patch(self, ref: Ref, patch: Body, version: str) -> None:
        old = self._found(ref)
        new = self._updated(ref, patch, version)
        self._store.change(ref, new, counted=admission.counts(ref, old, new))
        before, after = old["metadata"], new["metadata"]
        was_held = before.get("deletionTimestamp") and before.get("finalizers")
        if was_held and not after.get("finalizers"):
            self._store.remove(ref)

    def _delete(self, ref: Ref, uid: str) -> None:
        self._check_uid(ref, uid)
        found = self._store.get(ref)
        if found is None:
            return
        if ref.group_kind == kinds.POD:
            self._simulation.pods.end(found)
        elif found["metadata"].get("finalizers"):
            mark = {"deletionTimestamp": self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")}
            self._store.change(ref, merged(found, {"metadata": mark}))
        else:
            self._store.remove(ref)

    def _check_uid(self, ref: Ref, uid: str) -> None:
        found = self._store.get(ref)
        if uid and found is not None and found["metadata"]["uid"] != uid:
            raise ConflictError(
                "the object was changed by someone else", detail=f"{ref}: another uid"
            )

    def _found(self, ref: Ref) -> Object:
        found = self._store.get(ref)
        if found is None:
            raise NotFoundError("there is no such object", detail=str(ref))
        return found


def _served(ref: Ref) -> Ref:
    if ref.group_kind not in _KNOWN:
        raise ClusterError(f"the cluster does not serve {ref.group_kind}", detail="simulated")
    return ref
