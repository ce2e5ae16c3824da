"""A rehearsal from the recreated mesh to its verdict: baseline, each fault, the whole plan.

The engine is the one of `migrate apply`; the rehearsal only stands where a person would.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from migrator.engine import apply as engine
from migrator.engine.forward import Reach
from migrator.errors import MigrateError
from migrator.model.news import News, Topic
from migrator.planner.plan import Plan
from migrator.ports import Clock, Probe, Watcher

from .adapt import shortened
from .calls import Call
from .faults import Fault
from .ledger import Ledger
from .persons import Persons
from .providers import Throwaway
from .result import FaultReport
from .sampling import Measured, Sampling

_SETTLE_SECONDS = 60.0
_PAUSE = 1.0
_LEAST = 10  # seconds for a check while a fault is in: enough for what works


class Jobs(Protocol):
    """Makes what the engine works with, for a plan on the rehearsal's cluster."""

    def __call__(self, plan: Plan, watcher: Watcher, probe: Probe) -> engine.Job: ...


@dataclass
class Stage:
    """The cluster with the mesh on it, and everything that the runs share."""

    cluster: Throwaway
    clock: Clock
    watcher: Watcher
    persons: Persons
    jobs: Jobs
    plan: Plan
    patience: int
    calls: Sequence[Call]
    namespaces: Sequence[str]
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.calls)
        self.last: Sampling | None = None

    def say(self, text: str) -> None:
        self.watcher.tell(News(Topic.NOTE, "rehearsal", text))

    def baseline(self) -> None:
        """Look until two looks in a row say the same, then learn them."""
        traffic = self.cluster.traffic
        traffic.start(self.calls, self.namespaces)
        before: frozenset[tuple[str, str]] = frozenset()
        for _ in self._turns():
            found = traffic.take()
            now = frozenset((s.call, str(s.answer)) for s in found)
            if found and now == before:
                break
            before = now
        self.ledger.learn(found)
        self.ledger.learn(traffic.take())

    def meet(self, fault: Fault) -> FaultReport:
        """Run into the fault: the run must stop, and all must be as before once it is rolled back."""
        self.say(f"put in on purpose: {fault.says}")
        begin = self.clock.now()
        plan = shortened(self.plan, max(_LEAST, self.patience // 4))
        run = self._sampling(plan, fault)
        run.waits = True
        if not fault.step:
            run.put_in()
        stopped = self._apply(plan, run)
        self.cluster.take_out(fault)
        rolled_back = self._roll_back(plan, fault)
        differs = self._differences() if rolled_back else ()
        return FaultReport(
            fault=str(fault.trouble),
            says=fault.says,
            stopped=stopped is not None,
            at=stopped.summary if stopped else "",
            rolled_back=rolled_back,
            baseline_holds=rolled_back and not differs,
            differs=differs,
            seconds=(self.clock.now() - begin).total_seconds(),
        )

    def walk(self) -> bool:
        """The whole plan; whether it came to its end."""
        self.say("the plan, from its beginning to its end")
        run = self._sampling(self.plan, None)
        self.last = run
        stopped = self._apply(self.plan, run)
        if stopped is not None:
            self.problems.append(f"the plan stopped: {stopped.summary}. {stopped.detail}".strip())
        run.look()
        return stopped is None

    def _apply(self, plan: Plan, run: Sampling) -> MigrateError | None:
        self.ledger.begin()
        try:
            engine.apply(self._job(plan, run), Reach(), "stop")
        except MigrateError as error:
            run.look()
            return error
        return None

    def _roll_back(self, plan: Plan, fault: Fault) -> bool:
        run = self._sampling(plan, fault)
        try:
            engine.rollback(self._job(plan, run), "")
        except MigrateError as error:
            self.problems.append(
                f"rolling back after {fault.trouble}: {error.summary} {error.detail}"
            )
            return False
        return True

    def _job(self, plan: Plan, run: Sampling) -> engine.Job:
        return self.jobs(plan, run, Measured(run.look, self.ledger))

    def _sampling(self, plan: Plan, fault: Fault | None) -> Sampling:
        during = str(fault.trouble) if fault else "the plan"
        return Sampling(
            plan, self.cluster, self.ledger, self.clock, self.persons, self.watcher, during, fault
        )

    def _differences(self) -> tuple[str, ...]:
        """Calls that are not answered as at the beginning, after a while for the proxies."""
        for _ in self._turns():
            found = self.ledger.differs(self.cluster.traffic.take())
            if not found:
                break
        return found

    def _turns(self) -> Iterator[None]:
        begin = self.clock.now()
        while (self.clock.now() - begin).total_seconds() < _SETTLE_SECONDS:
            yield
            self.clock.sleep(_PAUSE)
