"""A cluster that has answered and is away now is waited for: a control plane that is upgraded comes back.

Only where asking again is safe: reads, and changes that surely were not made. A change whose answer was
lost is no matter of patience; who made it looks first.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from migrator.errors import UnreachableError
from migrator.model.news import News, Topic
from migrator.model.resource import GroupKind, Ref
from migrator.ports import Body, Clock, Cluster, Watcher

PATIENCE_SECONDS = 180.0
_POLL = 2.0
T = TypeVar("T")


class Patient:
    """The port `Cluster` over another one. `away` is how long was waited for it, in seconds, in all."""

    def __init__(self, cluster: Cluster, clock: Clock, watcher: Watcher) -> None:
        self._cluster = cluster
        self._clock = clock
        self._watcher = watcher
        self._has_answered = False
        self.away = 0.0

    def get(self, ref: Ref) -> Body | None:
        return self._ask(lambda: self._cluster.get(ref))

    def list(
        self, kind: GroupKind, namespace: str = "", labels: Mapping[str, str] | None = None
    ) -> Sequence[Body]:
        return self._ask(lambda: self._cluster.list(kind, namespace, labels))

    def create(self, manifest: Body, *, dry_run: bool = False) -> Body:
        return self._ask(lambda: self._cluster.create(manifest, dry_run=dry_run))

    def patch(self, ref: Ref, patch: Body, *, version: str = "", dry_run: bool = False) -> Body:
        return self._ask(lambda: self._cluster.patch(ref, patch, version=version, dry_run=dry_run))

    def delete(self, ref: Ref, *, uid: str = "", dry_run: bool = False) -> None:
        self._ask(lambda: self._cluster.delete(ref, uid=uid, dry_run=dry_run))

    def release(self, ref: Ref) -> None:
        self._ask(lambda: self._cluster.release(ref))

    def may(self, verb: str, kind: GroupKind, namespace: str = "") -> bool:
        return self._ask(lambda: self._cluster.may(verb, kind, namespace))

    def _ask(self, ask: Callable[[], T]) -> T:
        """Raises UnreachableError after PATIENCE_SECONDS; at once before the first answer, and after that."""
        begin = self._clock.now()
        waited = 0.0
        while True:
            try:
                answer = ask()
            except UnreachableError as error:
                self._has_answered &= waited < PATIENCE_SECONDS
                if not self._has_answered:
                    raise
                self._watcher.tell(News(Topic.WAITING, "cluster", error.summary, waited))
                self._clock.sleep(_POLL)
                now = (self._clock.now() - begin).total_seconds()
                self.away += now - waited
                waited = now
            else:
                self._has_answered = True
                return answer
