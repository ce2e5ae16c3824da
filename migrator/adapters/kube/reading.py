"""A live cluster, read into the same snapshot as files are.

Lists run side by side. What this user may not list is an `Unread` that names the permission, so that the
snapshot is incomplete. Secrets are never asked for.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import NamedTuple

from migrator.adapters.files import Reading, no_collector
from migrator.adapters.locate import Locator
from migrator.adapters.objects import Objects
from migrator.adapters.sanitize import Sanitizer
from migrator.errors import ForbiddenError, NotFoundError
from migrator.istio import kinds
from migrator.istio.meshconfig import ROOT_NAMESPACE, mesh_config
from migrator.model.resource import GroupKind, Origin, Ref
from migrator.model.snapshot import Snapshot, Unread

from .client import Api
from .lists import read_list, read_object
from .login import CONNECTIONS
from .resources import Served, discover, resource_name
from .wholes import wanted_settings, wanted_whole

# The longest lists begin first, so that none is waited for alone.
_LONG = (kinds.POD, kinds.DEPLOYMENT, kinds.REPLICA_SET, kinds.CRD, kinds.SERVICE)


class _List(NamedTuple):
    served: Served
    namespace: str  # empty for all

    @property
    def words(self) -> str:
        where = "the cluster" if not self.served.namespaced else "all namespaces"
        where = f"namespace {self.namespace}" if self.namespace else where
        return f"list {resource_name(self.served.kind)} in {where}"


class _One(NamedTuple):
    served: Served
    namespace: str
    name: str

    @property
    def words(self) -> str:
        name = resource_name(self.served.kind)
        return f"get {name}" + (
            f" in namespace {self.namespace}" if self.served.namespaced else f" {self.name}"
        )


def read_cluster(api: Api, *, namespaces: Sequence[str] = ()) -> Reading:
    """Everything that the tool knows of the cluster.

    With `namespaces` only they and Istio's root namespace are read, which needs no right beyond them.
    What is outside of namespaces is read too where this user may, and else stands in the reading's
    `not_looked_at`. Raises ClusterError.
    """
    reader = _Reader(api)
    with no_collector():
        if namespaces:
            reader.read_namespaces({*namespaces, ROOT_NAMESPACE})
            reader.read_wholes(wanted_settings)
            reader.read_namespaces({mesh_config(reader.objects.so_far()).root_namespace})
        else:
            reader.read_all()
        reader.read_wholes(wanted_whole)
        snapshot = reader.snapshot()
    return Reading(
        snapshot,
        Locator({}),
        namespaces=sorted(reader.namespaces),
        not_looked_at=sorted(reader.not_looked_at),
    )


def read_kinds(api: Api, wanted: Iterable[GroupKind], namespaces: Iterable[str]) -> Snapshot:
    """These kinds in these namespaces, and nothing else. Raises ClusterError."""
    reader = _Reader(api, frozenset(wanted))
    reader.read_namespaces(set(namespaces))
    return reader.snapshot()


class _Reader:
    def __init__(self, api: Api, wanted: frozenset[GroupKind] = kinds.KNOWN) -> None:
        self._api = api
        self._served: Mapping[GroupKind, Served] = {
            kind: served for kind, served in discover(api).items() if kind in wanted
        }
        self._sanitizer = Sanitizer()
        self._lock = Lock()
        self.namespaces: set[str] = set()
        self.objects = self._new()
        self.not_looked_at: set[str] = set()
        self._refused: dict[str, Unread] = {}  # by what was asked: one for all pods of a namespace

    def read_all(self) -> None:
        """Every list, of all namespaces."""
        self._side_by_side(_List(served, "") for served in self._served.values())

    def read_namespaces(self, namespaces: set[str]) -> None:
        """The lists of these namespaces, the namespaces themselves, and what is outside of all."""
        fresh = sorted(namespaces - self.namespaces)
        tasks: list[_List | _One] = []
        for served in self._served.values():
            if served.namespaced:
                tasks += [_List(served, namespace) for namespace in fresh]
            elif served.kind == kinds.NAMESPACE:
                tasks += [_One(served, namespace, namespace) for namespace in fresh]
            elif not self.namespaces:
                tasks.append(_List(served, ""))
        self.namespaces |= namespaces
        self._side_by_side(tasks)

    def read_wholes(self, wanted: Callable[[Snapshot], Iterable[Ref]]) -> None:
        """The few objects of which metadata is not enough."""
        found = wanted(self.objects.so_far())
        self._side_by_side(
            _One(self._served[ref.group_kind], ref.namespace, ref.name) for ref in found
        )

    def snapshot(self) -> Snapshot:
        """What was read, with what could not be; without namespaces that are being deleted.

        Their pods go first, and what is left would look like workloads that wait for pods.
        """
        for unread in self._refused.values():
            self.objects.note(unread)
        found = self.objects.snapshot()
        ending = {r.name for r in found.of(kinds.NAMESPACE) if "deletionTimestamp" in r.metadata}
        gone = {r.ref: None for r in found if _space(r.ref) in ending} if ending else {}
        return found.changed(gone) if gone else found

    def _side_by_side(self, tasks: Iterable[_List | _One]) -> None:
        order = sorted(tasks, key=lambda task: task.served.kind not in _LONG)
        pool = ThreadPoolExecutor(CONNECTIONS)
        try:
            for done in [pool.submit(self._do, task) for task in order]:
                done.result()
        finally:
            pool.shutdown(cancel_futures=True)

    def _do(self, task: _List | _One) -> None:
        part = self._new()
        try:
            if isinstance(task, _List):
                part = self._list(task)
            else:
                self._keep(part, *read_object(self._api, *task))
        except ForbiddenError as error:
            self._forbidden(task, error)
            return
        except NotFoundError:  # the object, or the kind, went away a moment ago
            part = self._new()
        with self._lock:
            self.objects.merge(part)

    def _list(self, task: _List) -> Objects:
        parts = [self._new()]
        for page in read_list(self._api, *task, lambda: parts.append(self._new())):
            self._keep(parts[-1], *page)
        return parts[-1]

    def _keep(self, part: Objects, bodies: Iterable[object], unsafe: bool) -> None:  # noqa: FBT001
        with self._lock:
            for body in bodies:
                part.add(body, None, check_text=unsafe)

    def _forbidden(self, task: _List | _One, error: ForbiddenError) -> None:
        kind = task.served.kind
        with self._lock:
            if self.namespaces and not task.served.namespaced and kind != kinds.NAMESPACE:
                self.not_looked_at.add(resource_name(kind))
            else:
                self._refused.setdefault(task.words, Unread(task.words, error.detail, str(kind)))

    def _new(self) -> Objects:
        return Objects("", _no_line, self._sanitizer)


def _space(ref: Ref) -> str:
    return ref.name if ref.group_kind == kinds.NAMESPACE else ref.namespace


def _no_line(_: Origin, __: str) -> int:
    """Objects of a cluster stand in no file."""
    return 0
