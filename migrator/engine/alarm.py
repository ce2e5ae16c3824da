"""While a wave is under way: signs that traffic is being lost, looked for again and again."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from migrator.errors import ClusterError, StepFailedError
from migrator.istio import labels as names
from migrator.model.news import Topic
from migrator.planner.plan import Wave
from migrator.ports import ClusterReader
from migrator.steps import AnyStep, Disruption, SetLabels

from .glance import Glance
from .predicates import SIGNS, pending, waypoints_lost
from .run import POLL_SECONDS, Run

if TYPE_CHECKING:
    from datetime import datetime

    from migrator.model.resource import Ref

_PENDING_SECONDS = 30  # istio-cni tries again by itself, a few times

Sign = Callable[[ClusterReader], Iterable[str]]


class Alarm:
    """Of one wave. It remembers how long pods have been without traffic, so it is asked repeatedly."""

    def __init__(self, run: Run, wave: Wave) -> None:
        self._run = run
        self._wave = wave
        self._pending: dict[Ref, datetime] = {}
        self._unseen: set[str] = set()
        self._looked = run.clock.now()

    def before(self) -> None:
        """Ambient callers reach every Service that has been bound, so their waypoints must serve.

        Raises StepFailedError.
        """
        self._raise(*self._signs(), partial(waypoints_lost, tuple(self._bound())))

    def after(self, step: AnyStep) -> None:
        """As `look`; a step that disturbs nothing does not make a look old that was a moment ago.

        Raises StepFailedError.
        """
        age = (self._run.clock.now() - self._looked).total_seconds()
        if step.disruption is not Disruption.NONE or age >= POLL_SECONDS:
            self.look()

    def look(self, glance: Glance | None = None) -> None:
        """Raises StepFailedError when two looks in a row found a reason to end the wave.

        The first is `glance`, if there is one of this moment.
        """
        self._looked = self._run.clock.now()
        self._raise(*self._signs(), glance=glance)

    def while_waiting(self) -> None:
        """What a wait does not see by itself. Raises StepFailedError."""
        self._raise(self._stalled)

    def _raise(self, *signs: Sign, glance: Glance | None = None) -> None:
        if not self._seen(signs, glance or Glance(self._run.cluster)):
            return
        self._run.clock.sleep(POLL_SECONDS)
        found = self._seen(signs, Glance(self._run.cluster))
        if found:
            raise StepFailedError(
                f"{self._wave.name} must not go on", detail="\n".join(dict.fromkeys(found))
            )

    def _signs(self) -> Iterator[Sign]:
        for sign in SIGNS:
            yield partial(sign, self._wave.steps)
        yield self._stalled

    def _seen(self, signs: Sequence[Sign], glance: Glance) -> list[str]:
        """A cluster that does not answer now, or not this user, is no sign of loss; it is said once."""
        found: list[str] = []
        for sign in signs:
            try:
                found += sign(glance)
            except ClusterError as error:
                says = f"not looked at: {error.summary} {error.detail}".rstrip()
                if says not in self._unseen:
                    self._unseen.add(says)
                    self._run.tell(Topic.NOTE, self._wave.name, says)
        return found

    def _stalled(self, cluster: ClusterReader) -> Iterator[str]:
        now = self._run.clock.now()
        found = pending(self._wave.steps, cluster)
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
