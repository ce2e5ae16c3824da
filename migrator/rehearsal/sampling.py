"""A watcher between the engine and a person: looks at the traffic at every turn of a run.

It answers what a person would be asked, follows instructions on the throw-away cluster, and puts a fault
in where the plan meets it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from migrator.model.news import News, Question, Topic
from migrator.model.resource import Ref
from migrator.planner.plan import Plan, Wave
from migrator.ports import Clock, Rate, Watcher
from migrator.steps import AnyStep, Disruption

from .faults import Fault
from .ledger import Ledger, Where
from .persons import Persons
from .providers import Throwaway
from .result import StepReport

_SINGLE = "single-replica"
_UNSEEN = 10.0  # seconds; whoever calls all the time has an answer, or a time-out, much earlier
_LOOK = frozenset(
    {Topic.STEP, Topic.CHANGED, Topic.WAITING, Topic.VERIFIED, Topic.UNDONE, Topic.CHECKPOINT}
)


@dataclass
class Sampling:
    """One run of the plan, forwards or back, with traffic beside it."""

    plan: Plan
    cluster: Throwaway
    ledger: Ledger
    clock: Clock
    persons: Persons
    watcher: Watcher
    during: str
    fault: Fault | None = None
    waits: bool = False  # for the step at which the fault is put in
    steps: list[StepReport] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._waves: Mapping[str, Wave] = {s.id: w for _, w, s in self.plan.steps()}
        self._steps: Mapping[str, AnyStep] = {s.id: s for _, _, s in self.plan.steps()}
        self._spare_nothing = {
            a.target.ref for a in self.plan.acknowledgements if a.rule == _SINGLE and a.acknowledged
        }
        self._wave = self._step = ""
        self._began = self._answered = self.clock.now()

    def tell(self, news: News) -> None:
        self.watcher.tell(news)
        if news.topic is Topic.STEP:
            self._begin(news.subject)
        if news.topic is Topic.VERIFIED and news.subject == self._step:
            self._end()
        if news.topic in _LOOK:
            self.look()

    def ask(self, question: Question) -> bool:
        """Everything is agreed to; what a person would do on the cluster is done."""
        step = self._steps.get(question.subject)
        if question.kind == "instruction" and step is not None:
            self.persons.follow(step)
        return True

    def look(self) -> None:
        """Take the answers since the last look, as those of the step that goes on."""
        where = Where(self.during, self._wave, self._step, self._interrupted())
        found = self.cluster.traffic.take()
        now = self.clock.now()
        unseen = (now - self._answered).total_seconds()
        if found:
            self._answered = now
        elif unseen >= _UNSEEN:
            self.ledger.miss(where, unseen)
        self.ledger.judge(found, where, self.fault)

    def _interrupted(self) -> Ref | None:
        """The workload that the present step restarts, if it is accepted that it has nothing to spare."""
        step = self._steps.get(self._step)
        if step is None or step.disruption is not Disruption.RESTART:
            return None
        return step.target.ref if step.target.ref in self._spare_nothing else None

    def put_in(self) -> None:
        """The fault, once."""
        if self.fault is not None and self.waits:
            self.waits = False
            self.cluster.put_in(self.fault)

    def _begin(self, step: str) -> None:
        wave = self._waves.get(step)
        self._step, self._began = step, self.clock.now()
        if wave is not None and wave.name != self._wave:
            self._wave = wave.name
            self.ledger.announce(wave.exposure)
        if self.fault is not None and self.fault.step == step:
            self.put_in()

    def _end(self) -> None:
        step = self._steps[self._step]
        seconds = (self.clock.now() - self._began).total_seconds()
        restart = step.disruption is Disruption.RESTART
        self.steps.append(
            StepReport(
                wave=self._wave, step=step.id, says=step.summary(), seconds=seconds, restart=restart
            )
        )


class Measured:
    """The port `Probe` over the rehearsal's own calls: they are what every gate is passed by."""

    def __init__(self, look: Callable[[], None], ledger: Ledger) -> None:
        self._look = look
        self._ledger = ledger

    def error_rate(self, services: Sequence[Ref], window_seconds: int) -> Rate | None:  # noqa: ARG002
        """Of all calls since the last gate, whichever Services they went to."""
        self._look()
        return self._ledger.rate()
