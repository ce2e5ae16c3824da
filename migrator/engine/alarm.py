"""While a wave is under way: signs that traffic is being lost, looked for again and again."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from migrator.errors import ClusterError, StepFailedError
from migrator.istio import labels as names
from migrator.model.news import Topic
from migrator.planner.plan import Wave
from migrator.steps import SetLabels

from .predicates import SIGNS, pending, waypoints_lost
from .run import POLL_SECONDS, Run

if TYPE_CHECKING:
    from datetime import datetime

    from migrator.model.resource import Ref

_PENDING_SECONDS = 30  # istio-cni tries again by itself, a few times

Sign = Callable[[], Iterable[str]]


class Alarm:
    """Of one wave. It remembers how long pods have been without traffic, so it is asked repeatedly."""

    def __init__(self, run: Run, wave: Wave) -> None:
        self._run = run
        self._wave = wave
        self._pending: dict[Ref, datetime] = {}
        self._unseen: set[str] = set()

    def before(self) -> None:
        """Ambient callers reach every Service that has been bound, so their waypoints must serve.

        Raises StepFailedError.
        """
        self._raise(*self._signs(), lambda: waypoints_lost(self._bound(), self._run.cluster))

    def look(self) -> None:
        """Raises StepFailedError when two looks in a row found a reason to end the wave."""
        self._raise(*self._signs())

    def while_waiting(self) -> None:
        """What a wait does not see by itself. Raises StepFailedError."""
        self._raise(self._stalled)

    def _raise(self, *signs: Sign) -> None:
        if not self._seen(signs):
            return
        self._run.clock.sleep(POLL_SECONDS)
        found = self._seen(signs)
        if found:
            raise StepFailedError(
                f"{self._wave.name} must not go on", detail="\n".join(dict.fromkeys(found))
            )

    def _signs(self) -> Iterator[Sign]:
        for sign in SIGNS:
            yield partial(sign, self._wave.steps, self._run.cluster)
        yield self._stalled

    def _seen(self, signs: Sequence[Sign]) -> list[str]:
        """A cluster that does not answer now, or not this user, is no sign of loss; it is said once."""
        found: list[str] = []
        for sign in signs:
            try:
                found += sign()
            except ClusterError as error:
                says = f"not looked at: {error.summary} {error.detail}".rstrip()
                if says not in self._unseen:
                    self._unseen.add(says)
                    self._run.tell(Topic.NOTE, self._wave.name, says)
        return found

    def _stalled(self) -> Iterator[str]:
        now = self._run.clock.now()
        found = pending(self._wave.steps, self._run.cluster)
        self._pending = {pod: self._pending.get(pod, now) for pod in found}
        for pod, since in self._pending.items():
            seconds = (now - since).total_seconds()
            if seconds > _PENDING_SECONDS:
                says = f"{names.REDIRECTION} is pending, and has been for {seconds:.0f} s"
                yield f"{pod}: {says}: no traffic passes"

    def _bound(self) -> Iterator[SetLabels]:
        for _, _, step in self._run.plan.steps():
            if (
                isinstance(step, SetLabels)
                and self._run.progress.of(step.id).standing == "verified"
            ):
                yield step
