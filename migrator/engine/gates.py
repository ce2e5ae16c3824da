"""Between two waves: what must hold, be measured, be waited for, and be said by a person."""

from collections.abc import Iterator

from migrator.errors import StepFailedError
from migrator.istio import kinds
from migrator.model.journal import Event
from migrator.model.news import Question, Topic
from migrator.model.resource import Ref
from migrator.planner.plan import Wave
from migrator.ports import Rate
from migrator.steps import AnyStep

from .alarm import Alarm
from .glance import Glance
from .run import POLL_SECONDS, Run
from .standing import BY_FIELDS

_SOAK_POLL = 10.0
_FEW = 20  # requests: below, a rate says nothing
_TOLERANCE = 0.01  # of requests, above the baseline
_WINDOW = 300


def name_of(wave: Wave, number: int) -> str:
    """The gate's own name in the record."""
    return f"{wave.name}/gate-{number}-{wave.gates[number].kind}"


def pass_all(run: Run, wave: Wave, alarm: Alarm) -> None:
    """Every gate of the wave, in order. Raises StepFailedError at the first that says no."""
    for number, gate in enumerate(wave.gates):
        name = name_of(wave, number)
        if run.progress.has_passed(name):
            continue
        run.tell(Topic.GATE, name, gate.says)
        says = _pass(run, wave, number, alarm)
        run.note(Event.PASSED, name, says)


def baseline(run: Run) -> None:
    """Measure the error rate once, before the first change, if anything can measure it."""
    if run.probe is None or run.progress.baseline is not None:
        return
    services = tuple(sorted({ref for _, wave, _ in run.plan.steps() for ref in _services(wave)}))
    rate = run.probe.error_rate(services, _WINDOW)
    if rate is not None and rate.requests:
        run.note(Event.BASELINE, "baseline", f"{_share(rate):.6f}")


def _pass(run: Run, wave: Wave, number: int, alarm: Alarm) -> str:
    gate, name = wave.gates[number], name_of(wave, number)
    match gate.kind:
        case "checks":
            _checks(run, wave, alarm)
            return "every check holds"
        case "soak":
            return _soak(run, wave, number, alarm)
        case "error-rate":
            return _error_rate(run, wave, name)
        case "person":
            return _person(run, name, gate.says)


def _checks(run: Run, wave: Wave, alarm: Alarm) -> None:
    glance = Glance(run.cluster)
    for number, step in enumerate(wave.steps):
        rewritten = any(_rewrites(later, step) for later in wave.steps[number + 1 :])
        claimed = (c for c in step.after if not (rewritten and c.predicate in BY_FIELDS))
        glance = run.wait(claimed, step, glance)
    alarm.look(glance)


def _rewrites(later: AnyStep, step: AnyStep) -> bool:
    """Whether it writes what the step wrote: then it is the later one that says how that is left."""
    if later.target != step.target:
        return False
    mine, others = ([w.path for w in one.writes("")] for one in (step, later))
    return any(a[: len(b)] == b[: len(a)] for a in mine for b in others)


def _soak(run: Run, wave: Wave, number: int, alarm: Alarm) -> str:
    """A check that fails while soaking fails the gate at once; one that only waits has its own time."""
    name, minutes = name_of(wave, number), wave.gates[number].minutes
    begin = run.clock.now()
    while (waited := (run.clock.now() - begin).total_seconds()) < minutes * 60:
        run.tell(Topic.WAITING, name, f"{minutes} minutes of soaking", waited)
        _checks(run, wave, alarm)
        run.keep_lock()
        run.clock.sleep(min(_SOAK_POLL, minutes * 60 - waited) or POLL_SECONDS)
    return f"soaked {minutes} minutes"


def _error_rate(run: Run, wave: Wave, name: str) -> str:
    if run.probe is None:
        run.tell(Topic.NOTE, name, "not measured: no --prometheus was given")
        return "not measured: no --prometheus was given"
    rate = run.probe.error_rate(tuple(_services(wave)), _WINDOW)
    if rate is None or rate.requests < _FEW:
        seen = 0 if rate is None else rate.requests
        says = f"inconclusive: {seen:.0f} requests in {_WINDOW} s say nothing"
        if not run.watcher.ask(Question("gate", name, f"The error rate is {says}. Go on?")):
            raise StepFailedError(f"{name}: {says}", detail="Nobody said to go on.")
        return f"{says}; a person said to go on"
    allowed = (run.progress.baseline or 0) + _TOLERANCE
    seen_rate = _share(rate)
    says = f"{seen_rate:.2%} of {rate.requests:.0f} requests failed; {allowed:.2%} are allowed"
    if seen_rate > allowed:
        raise StepFailedError(f"{name}: the error rate is above the baseline", detail=says)
    return says


def _person(run: Run, name: str, says: str) -> str:
    if not run.watcher.ask(Question("gate", name, says)):
        raise StepFailedError(f"{name}: stopped at the checkpoint", detail="Nobody said to go on.")
    return "a person said to go on"


def _services(wave: Wave) -> Iterator[Ref]:
    """Services and workloads whose requests the wave may touch."""
    for step in wave.steps:
        if step.target.ref.group_kind in {kinds.SERVICE, *kinds.WORKLOADS}:
            yield step.target.ref


def _share(rate: Rate) -> float:
    """Of the requests, those that failed or were refused: a policy that closes too much answers 403."""
    return (rate.errors + rate.refused) / rate.requests
