"""One look at a cluster: what several checks need is asked for once."""

from collections.abc import Mapping, Sequence

from migrator.model.resource import GroupKind, Ref
from migrator.ports import Body, ClusterReader


class Glance:
    """The port `ClusterReader` over another one, for as long as one look takes.

    What was read stays as it was then: whoever waits, or has changed something, takes a new one. Errors
    are not kept.
    """

    def __init__(self, cluster: ClusterReader) -> None:
        self._cluster = cluster
        self._objects: dict[Ref, Body | None] = {}
        self._lists: dict[tuple[GroupKind, str, frozenset[tuple[str, str]]], Sequence[Body]] = {}

    def get(self, ref: Ref) -> Body | None:
        if ref not in self._objects:
            self._objects[ref] = self._cluster.get(ref)
        return self._objects[ref]

    def list(
        self, kind: GroupKind, namespace: str = "", labels: Mapping[str, str] | None = None
    ) -> Sequence[Body]:
        key = (kind, namespace, frozenset((labels or {}).items()))
        if key not in self._lists:
            self._lists[key] = self._cluster.list(kind, namespace, labels)
        return self._lists[key]
