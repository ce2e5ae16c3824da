"""While a wave is under way: signs that traffic is being lost, looked for again and again."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from migrator.errors import ClusterError, StepFailedError
from migrator.istio import labels as names
from migrator.model.news import Topic
from migrator.planner.plan import Wave
from migrator.steps import SetLabels

from .predicates import pending, triggers, waypoints_lost
from .run import POLL_SECONDS, Run

if TYPE_CHECKING:
    from datetime import datetime

    from migrator.model.resource import Ref

_PENDING_SECONDS = 30  # istio-cni tries again by itself, a few times

Reasons = Callable[[], Sequence[str]]


class Alarm:
    """Of one wave. It remembers how long pods have been without traffic, so it is asked repeatedly."""

    def __init__(self, run: Run, wave: Wave) -> None:
        self._run = run
        self._wave = wave
        self._pending: dict[Ref, datetime] = {}

    def before(self) -> None:
        """Ambient callers reach every Service that has been bound, so their waypoints must serve.

        Raises StepFailedError.
        """
        self._raise(lambda: (*self._reasons(), *waypoints_lost(self._bound(), self._run.cluster)))

    def look(self) -> None:
        """Raises StepFailedError when two looks in a row found a reason to end the wave."""
        self._raise(self._reasons)

    def while_waiting(self) -> None:
        """What a wait does not see by itself. Raises StepFailedError."""
        self._raise(lambda: tuple(self._stalled()))

    def _raise(self, reasons: Reasons) -> None:
        if not self._seen(reasons):
            return
        self._run.clock.sleep(POLL_SECONDS)
        found = self._seen(reasons)
        if found:
            raise StepFailedError(
                f"{self._wave.name} must not go on", detail="\n".join(dict.fromkeys(found))
            )

    def _seen(self, reasons: Reasons) -> Sequence[str]:
        """A cluster that does not answer now is no sign of loss."""
        try:
            return reasons()
        except ClusterError as error:
            self._run.tell(Topic.NOTE, self._wave.name, f"not looked at: {error.summary}")
            return ()

    def _reasons(self) -> Sequence[str]:
        return (*triggers(self._wave.steps, self._run.cluster), *self._stalled())

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
