"""What stands between two waves: each gate's verdict, once, with its words in the record."""

from collections import deque

import pytest

from migrator.engine import forward, gates
from migrator.engine.alarm import Alarm
from migrator.engine.forward import Reach
from migrator.errors import StepFailedError
from migrator.model.news import Topic
from migrator.planner.plan import Gate
from migrator.ports import Rate
from tests.runs import Watcher, World

FINE, FEW = Rate(1000, 0), Rate(5, 5)


class Probe:
    """Answers one after the other; remembers of whom it was asked."""

    def __init__(self, *rates):
        self.rates = deque(rates)
        self.asked = []

    def error_rate(self, services, window_seconds):
        self.asked.append((tuple(services), window_seconds))
        return self.rates.popleft() if self.rates else FINE


def first_wave(world):
    return next(w for p in world.plan.phases for w in p.waves if "move" in w.steps[-1].id)


def run_of(world, *rates):
    """A run that stands before the gates of a wave that moves something, every step of it done."""
    wave = first_wave(world)
    world.apply(Reach(to=wave.name))
    run = world.job().run
    run.lock.acquire()
    run.probe = Probe(*rates) if rates else None
    return run, wave


def passed_all(run, wave):
    gates.pass_all(run, wave, Alarm(run, wave))


def passing(run, wave, gate, baseline=None):
    """The words that the record keeps of the gate, under a name that nothing has passed."""
    if baseline is not None:
        run.progress.baseline = baseline
    renamed = wave.model_copy(update={"name": "again", "gates": (gate,)})
    passed_all(run, renamed)
    last = run.record.entries()[-1]
    assert (last.event.value, last.subject) == ("passed", f"again/gate-0-{gate.kind}")
    return last.says


def rate_gate():
    return Gate(kind="error-rate", says="the error rate is not above the baseline")


@pytest.mark.parametrize(
    ("rate", "baseline", "passes"),
    [
        pytest.param(
            Rate(1000, 0), None, True, id="nothing failed, and nothing was measured before"
        ),
        pytest.param(Rate(1000, 10), None, True, id="one percent is allowed"),
        pytest.param(Rate(1000, 11), None, False, id="more is not"),
        pytest.param(Rate(1000, 60), 0.05, True, id="one percent above the baseline"),
        pytest.param(Rate(1000, 61), 0.05, False, id="more above the baseline"),
        pytest.param(
            Rate(1000, 0, 11), None, False, id="refused is failed: a policy closed too much"
        ),
        pytest.param(Rate(20, 0), None, True, id="few, but enough"),
    ],
)
def test_the_error_rate_against_the_baseline(world, rate, baseline, passes):
    run, wave = run_of(world, rate)
    if passes:
        assert "requests failed" in passing(run, wave, rate_gate(), baseline)
        return

    with pytest.raises(StepFailedError, match="above the baseline") as error:
        passing(run, wave, rate_gate(), baseline)

    assert "are allowed" in error.value.detail


@pytest.mark.parametrize("rate", [None, FEW, Rate(0, 0)])
def test_too_few_requests_say_nothing_and_a_person_decides(world, rate):
    run, wave = run_of(world, rate, rate)
    assert passing(run, wave, rate_gate()).endswith("a person said to go on")

    world.watcher.refuse.add("gate")
    with pytest.raises(StepFailedError, match="inconclusive"):
        passed_all(run, wave.model_copy(update={"name": "more", "gates": (rate_gate(),)}))


def test_without_prometheus_the_record_says_not_measured(world):
    run, wave = run_of(world)

    assert passing(run, wave, rate_gate()) == "not measured: no --prometheus was given"


def test_only_services_of_the_wave_are_asked_about(world):
    run, wave = run_of(world, FINE)
    passing(run, wave, rate_gate())

    ((services, window),) = run.probe.asked
    assert services
    assert set(services) <= {step.target.ref for step in wave.steps}
    assert window == 300


def test_the_baseline_is_measured_once_before_the_first_change(world):
    job = world.job()
    job.run.probe = Probe(Rate(1000, 30), Rate(1000, 0))
    job.run.lock.acquire()
    gates.baseline(job.run)
    gates.baseline(job.run)

    assert len(job.run.probe.asked) == 1
    assert world.job().run.progress.baseline == pytest.approx(0.03)


def test_a_baseline_of_nothing_is_none(world):
    job = world.job()
    job.run.probe = Probe(None)
    job.run.lock.acquire()
    gates.baseline(job.run)

    assert job.run.progress.baseline is None
    assert world.job().run.record.entries() == ()


def test_a_person_says_no(world):
    run, wave = run_of(world)
    gate = Gate(kind="person", says="look at the dashboards")
    assert passing(run, wave, gate) == "a person said to go on"

    world.watcher.refuse.add("gate")
    with pytest.raises(StepFailedError, match="stopped at the checkpoint"):
        passed_all(run, wave.model_copy(update={"name": "more", "gates": (gate,)}))


def test_soaking_takes_its_minutes_and_keeps_the_lease(world):
    run, wave = run_of(world)
    begin = world.clock.now()

    assert passing(run, wave, Gate(kind="soak", says="five minutes", minutes=5)) == (
        "soaked 5 minutes"
    )

    assert 300 <= (world.clock.now() - begin).total_seconds() < 320
    run.lock.keep()


def test_what_breaks_while_soaking_ends_it(world):
    run, wave = run_of(world)
    target = next(
        s.target.ref for s in wave.steps if "pods-ambient" in {c.predicate for c in s.after}
    )
    begin = world.clock.now()
    world.clock.after(100, lambda: world.cluster.hold_back(target))

    with pytest.raises(StepFailedError):
        passing(run, wave, Gate(kind="soak", says="an hour", minutes=60))

    assert (world.clock.now() - begin).total_seconds() < 1200


def test_a_gate_that_was_passed_is_not_asked_again(world):
    """The run was killed between two gates."""
    gate = Gate(kind="person", says="look")
    run, wave = run_of(world)
    passing(run, wave, gate)
    world.watcher.questions.clear()
    again = world.job().run

    passed_all(again, wave.model_copy(update={"name": "again", "gates": (gate,)}))

    assert world.watcher.questions == []


def test_every_wave_ends_with_its_gates_and_a_checkpoint(planned):
    world = World(*planned)
    world.apply()
    names = [w.name for p in world.plan.phases for w in p.waves]
    progress = world.job().run.progress

    assert all(progress.has_passed(name) for name in names)
    for phase in world.plan.phases:
        for wave in phase.waves:
            assert all(progress.has_passed(gates.name_of(wave, n)) for n in range(len(wave.gates)))
    assert list(forward.waves(world.job().run, Reach())) == []


@pytest.mark.parametrize("no", ["step", "gate"])
def test_who_says_no_stops_the_run_and_goes_on_later(planned, no):
    world = World(*planned)
    world.watcher = Watcher(no)
    with pytest.raises(StepFailedError):
        world.apply()

    world.watcher = Watcher()
    world.apply()

    straight = World(*planned)
    straight.apply()
    assert world.image(times=False) == straight.image(times=False)
    assert world.watcher.said(Topic.FAILED) == []
