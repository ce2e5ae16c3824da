"""Objects as an API server stores them: identities, versions, generations, and finding them quickly.

Bodies are never changed in place: a change puts another body in the place of the old one, so what
somebody has read stays as it was.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from migrator.istio import kinds
from migrator.model.resource import GroupKind, Ref

from .clock import FakeClock

Object = dict[str, Any]
Watch = Callable[[Ref, Object | None, Object | None], None]
# k8s.io/kubernetes pkg/registry: these have no generation, or none that changes with their spec
_UNCOUNTED = frozenset(
    {
        kinds.NAMESPACE, kinds.NODE, kinds.SERVICE, kinds.SERVICE_ACCOUNT, kinds.CONFIG_MAP, kinds.POD,
        GroupKind("coordination.k8s.io", "Lease"), GroupKind("", "Event"), kinds.ENDPOINT_SLICE,
        kinds.RESOURCE_QUOTA, kinds.LIMIT_RANGE,
    }
)  # fmt: skip
_OUTSIDE_SPEC = frozenset({"metadata", "status"})


class Store:
    """Every object, by reference, by kind and namespace, by label, and by the uid of its controller."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._version = 0
        self._all: dict[Ref, Object] = {}
        self._kinds: dict[GroupKind, set[Ref]] = {}
        self._spaces: dict[tuple[GroupKind, str], set[Ref]] = {}
        self._labelled: dict[tuple[GroupKind, str, str], set[Ref]] = {}
        self._owned: dict[str, set[Ref]] = {}
        self._watches: list[Watch] = []

    @property
    def version(self) -> int:
        """Of the last change."""
        return self._version

    def watch(self, watch: Watch) -> None:
        """`watch` is told of every change: which object, what it was, what it is now."""
        self._watches.append(watch)

    def get(self, ref: Ref) -> Object | None:
        return self._all.get(ref)

    def of(
        self, kind: GroupKind, namespace: str = "", labels: Mapping[str, str] | None = None
    ) -> tuple[Object, ...]:
        """In the order of namespaces and names, as the API server lists them."""
        if labels:
            first = next(iter(labels.items()))
            refs = self._labelled.get((kind, *first), set())
        elif namespace:
            refs = self._spaces.get((kind, namespace), set())
        else:
            refs = self._kinds.get(kind, set())
        found = (self._all[ref] for ref in sorted(refs) if namespace in {"", ref.namespace})
        wanted = (labels or {}).items()
        return tuple(b for b in found if wanted <= (b["metadata"].get("labels") or {}).items())

    def owned(self, owner: Mapping[str, Any], kind: GroupKind) -> tuple[Object, ...]:
        """What `owner` controls of this kind, by name."""
        refs = self._owned.get(owner["metadata"]["uid"], ())
        return tuple(self._all[ref] for ref in sorted(refs) if ref[:2] == kind)

    def dependents(self, uid: str) -> tuple[Ref, ...]:
        """What names this uid as its owner."""
        return tuple(sorted(self._owned.get(uid, ())))

    def everything(self) -> Iterator[Object]:
        for ref in sorted(self._all):
            yield self._all[ref]

    def add(self, ref: Ref, body: Mapping[str, Any]) -> Object:
        """Store a new object, with what the server gives it."""
        self._version += 1
        metadata = {
            "creationTimestamp": self._clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            **body["metadata"],
            "uid": f"00000000-0000-4000-8000-{self._version:012}",
            "resourceVersion": str(self._version),
        }
        if ref.group_kind not in _UNCOUNTED:
            metadata["generation"] = 1
        new = {**body, "metadata": metadata}
        self._put(ref, None, new)
        return new

    def change(self, ref: Ref, body: Mapping[str, Any], *, counted: bool = False) -> Object:
        """Store another body; the generation grows with its spec, or when it is `counted` anyway."""
        old = self._all[ref]
        if body == old:
            return old
        new = self.versioned(ref, body, counted=counted)
        self._version += 1
        new["metadata"]["resourceVersion"] = str(self._version)
        self._put(ref, old, new)
        return new

    def versioned(self, ref: Ref, body: Mapping[str, Any], *, counted: bool = False) -> Object:
        """The body as `change` would store it, but for its version."""
        old = self._all[ref]
        metadata = dict(body["metadata"])
        if ref.group_kind not in _UNCOUNTED:
            grown = counted or _spec(body) != _spec(old)
            metadata["generation"] = int(old["metadata"].get("generation", 1)) + grown
        return {**body, "metadata": metadata}

    def remove(self, ref: Ref) -> None:
        old = self.get(ref)
        if old is not None:
            self._put(ref, old, None)

    def _put(self, ref: Ref, old: Object | None, new: Object | None) -> None:
        if old is not None:
            self._unindex(ref, old)
        if new is None:
            del self._all[ref]
        else:
            self._all[ref] = new
            self._index(ref, new)
        for watch in self._watches:
            watch(ref, old, new)

    def _index(self, ref: Ref, body: Object) -> None:
        self._kinds.setdefault(ref.group_kind, set()).add(ref)
        self._spaces.setdefault((ref.group_kind, ref.namespace), set()).add(ref)
        for key, value in (body["metadata"].get("labels") or {}).items():
            self._labelled.setdefault((ref.group_kind, key, value), set()).add(ref)
        for owner in body["metadata"].get("ownerReferences") or ():
            self._owned.setdefault(owner.get("uid", ""), set()).add(ref)

    def _unindex(self, ref: Ref, body: Object) -> None:
        self._kinds[ref.group_kind].discard(ref)
        self._spaces[ref.group_kind, ref.namespace].discard(ref)
        for key, value in (body["metadata"].get("labels") or {}).items():
            self._labelled[ref.group_kind, key, value].discard(ref)
        for owner in body["metadata"].get("ownerReferences") or ():
            self._owned[owner.get("uid", "")].discard(ref)


def _spec(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key not in _OUTSIDE_SPEC}
