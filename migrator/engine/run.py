"""What one run of a plan works with, and the two things that every part of it does: record, and wait."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from migrator.errors import ClusterError, StepFailedError
from migrator.model.journal import Entry, Event, Image, Progress
from migrator.model.news import News, Topic
from migrator.model.verdict import State, Verdict
from migrator.planner.plan import Plan
from migrator.ports import Clock, Cluster, ClusterReader, Probe, Record, Watcher
from migrator.steps import AnyStep, Check

from .glance import Glance
from .lock import Lock
from .predicates import observe

POLL_SECONDS = 2.0
_FIRST_POLL = 0.25


def nothing() -> None:
    """Nobody looks at more than the check that is waited for."""


@dataclass
class Run:
    """One run: the plan, the world that it meets, and what has been recorded of it so far."""

    plan: Plan
    cluster: Cluster
    clock: Clock
    record: Record
    watcher: Watcher
    lock: Lock
    name: str
    probe: Probe | None = None
    away: Callable[[], float] = lambda: 0.0  # how long the cluster was waited for, in all
    while_waiting: Callable[[], None] = nothing  # asked at every look; may raise StepFailedError

    def __post_init__(self) -> None:
        self.progress = Progress(self.record.entries())

    def begin(self) -> None:
        """With the lock in hand: what another run has recorded until now counts."""
        self.progress = Progress(self.record.settle())

    def note(
        self,
        event: Event,
        subject: str,
        says: str = "",
        *,
        stamp: str = "",
        images: tuple[Image, ...] = (),
    ) -> None:
        """Record durably. Nothing may be done that was announced by an entry that is not kept."""
        entry = Entry(
            number=self.progress.next_number,
            time=self.stamp(),
            run=self.name,
            event=event,
            subject=subject,
            says=says,
            stamp=stamp,
            images=images,
        )
        self.record.append(entry)
        self.progress.add(entry)

    def tell(self, topic: Topic, subject: str, says: str = "", since: float = 0) -> None:
        self.watcher.tell(News(topic, subject, says, since))

    def stamp(self) -> str:
        """Now, as annotations and records write it."""
        return self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def look(self, check: Check, step: AnyStep, glance: ClusterReader | None = None) -> Verdict:
        """One look. A cluster that does not answer is waited for, until the check's time is over."""
        try:
            return observe(check, step, glance or Glance(self.cluster))
        except ClusterError as error:
            return Verdict.waiting(f"{error.summary}: {error.detail}")

    def wait(self, checks: Iterable[Check], step: AnyStep, glance: Glance | None = None) -> Glance:
        """Until each check holds. Raises StepFailedError when one fails, or its time is over.

        Checks that need not be waited for share one look, which may have begun with `glance`: whatever
        they judge was read after the last change. Returns that look, for checks that come next.
        """
        glance = glance or Glance(self.cluster)
        for check in checks:
            glance = self._wait(check, step, glance)
        return glance

    def _wait(self, check: Check, step: AnyStep, glance: Glance) -> Glance:
        begin, away = self.clock.now(), self.away()
        pause = _FIRST_POLL
        while True:
            verdict = self.look(check, step, glance)
            waited = (self.clock.now() - begin).total_seconds() - (self.away() - away)
            if verdict.state is State.DONE:
                return glance
            if verdict.state is State.FAILED:
                raise failed(step, check, verdict.says)
            if waited >= check.timeout_seconds:
                raise failed(step, check, f"not within {check.timeout_seconds} s: {verdict.says}")
            self.tell(Topic.WAITING, step.id, verdict.says, waited)
            self.keep_lock()
            self.while_waiting()
            self.clock.sleep(pause)
            glance = Glance(self.cluster)
            pause = min(pause * 2, POLL_SECONDS)

    def keep_lock(self) -> None:
        """Renew the Lease while waiting; a cluster that is out of reach is no reason to give up yet."""
        try:
            self.lock.keep()
        except ClusterError as error:
            self.tell(Topic.NOTE, "lease", error.summary)


def failed(step: AnyStep, check: Check, says: str) -> StepFailedError:
    """The stop for a check that will not hold."""
    about = f" of {check.about}" if check.about else ""
    return StepFailedError(
        f"{step.id}: {check.predicate}{about} does not hold",
        detail=f"{says}\nWanted: {check.says}.",
    )
