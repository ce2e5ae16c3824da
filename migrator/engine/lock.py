"""One run at a time, by a coordination.k8s.io Lease, renewed while the run goes on.

Without a thread: the run renews before every change and at every look while it waits. A run that
waited too long (for a person, say) finds out at its next renewal, before it changes anything.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from migrator.errors import ClusterError, ConflictError, LockHeldError, UnknownOutcomeError
from migrator.model.resource import Ref
from migrator.ports import Body, Clock, Cluster

NAME = "migrate"
DURATION = timedelta(seconds=60)
_RENEW_AFTER = timedelta(seconds=15)
_TRIES, _PAUSE = 5, 1.0


class Holder(NamedTuple):
    """Who we are in the Lease; `is_gone` knows of holders of this machine whose process has ended."""

    name: str
    is_gone: Callable[[str], bool]


class Lock:
    """The Lease of one cluster, held by one run. `acquire`, then `keep` before each change, `release`."""

    def __init__(self, cluster: Cluster, clock: Clock, namespace: str, holder: Holder) -> None:
        self._cluster = cluster
        self._clock = clock
        self._holder = holder
        self._ref = Ref("coordination.k8s.io", "Lease", namespace, NAME)
        self._renewed: datetime | None = None

    def acquire(self) -> None:
        """Raises LockHeldError when another run holds it."""
        self._insist(self._acquire)

    def keep(self) -> None:
        """Renew when it is time. Raises LockHeldError when the Lease is another run's now."""
        if self._renewed is None or self._clock.now() - self._renewed >= _RENEW_AFTER:
            self._insist(self._renew)

    def release(self) -> None:
        """Give it back, if it is still ours; the cluster may be out of reach, then it expires."""
        try:
            lease = self._cluster.get(self._ref)
            if lease is not None and _spec(lease).get("holderIdentity") == self._holder.name:
                self._cluster.patch(
                    self._ref, {"spec": {"holderIdentity": None}}, version=_version(lease)
                )
        except ClusterError:
            return

    def _insist(self, write: Callable[[Body | None], None]) -> None:
        """A write that met another, or whose answer was lost: the Lease itself says whose it is."""
        for left in reversed(range(_TRIES)):
            now = self._clock.now()
            lease = self._cluster.get(self._ref)
            try:
                write(lease)
            except (ConflictError, UnknownOutcomeError) as error:
                if not left:
                    raise
                if isinstance(error, UnknownOutcomeError):
                    self._clock.sleep(_PAUSE)
            else:
                self._renewed = now
                return

    def _acquire(self, lease: Body | None) -> None:
        if lease is None:
            self._cluster.create(self._lease())
        else:
            self._take(lease)

    def _renew(self, lease: Body | None) -> None:
        if lease is None or _spec(lease).get("holderIdentity") != self._holder.name:
            raise self._held(lease)
        self._cluster.patch(self._ref, self._renewal(), version=_version(lease))

    def _take(self, lease: Body) -> None:
        holder = _spec(lease).get("holderIdentity") or ""
        ours = holder in {"", self._holder.name}
        if not ours and not self._expired(lease) and not self._holder.is_gone(holder):
            raise self._held(lease)
        self._cluster.patch(self._ref, self._renewal(), version=_version(lease))

    def _expired(self, lease: Body) -> bool:
        renewed = _time(_spec(lease).get("renewTime"))
        return renewed is None or self._clock.now() - renewed > DURATION

    def _renewal(self) -> dict[str, Any]:
        return {
            "spec": {
                "holderIdentity": self._holder.name,
                "leaseDurationSeconds": int(DURATION.total_seconds()),
                "renewTime": self._clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            }
        }

    def _lease(self) -> dict[str, Any]:
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {
                "name": self._ref.name,
                "namespace": self._ref.namespace,
                "labels": {"app.kubernetes.io/managed-by": "migrate"},
            },
            **self._renewal(),
        }

    def _held(self, lease: Body | None) -> LockHeldError:
        spec = _spec(lease or {})
        holder = spec.get("holderIdentity") or "nobody: somebody deleted or released it"
        return LockHeldError(
            "Another run has the lock",
            detail=f"{self._ref} is held by {holder}, renewed at {spec.get('renewTime', '?')}. "
            f"It expires {int(DURATION.total_seconds())} seconds after its last renewal.",
            hint="migrate status PLAN",
        )


def _spec(lease: Body) -> dict[str, Any]:
    return dict(lease.get("spec") or {})


def _version(lease: Body) -> str:
    return str(lease["metadata"]["resourceVersion"])


def _time(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None
