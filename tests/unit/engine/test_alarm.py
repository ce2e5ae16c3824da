"""A wave ends when traffic is being lost, though nothing that it waits for has failed; and no sooner."""

import pytest

from migrator.engine.alarm import Alarm
from migrator.engine.forward import Reach
from migrator.engine.run import POLL_SECONDS
from migrator.errors import ClusterError, StepFailedError
from migrator.istio import kinds
from migrator.model.news import Topic
from migrator.model.resource import Ref
from migrator.steps import Disruption

ORDERS = Ref(*kinds.DEPLOYMENT, "scene", "orders")
WAYPOINT = Ref(*kinds.DEPLOYMENT, "scene", "waypoint")


def waits(world):
    """How long the run says that it has been waiting, at most."""
    return max(news.since for news in world.watcher.news if news.topic is Topic.WAITING)


def test_pods_without_traffic_end_the_wave_before_the_time_of_its_check_is_over(world):
    world.apply(Reach(to="bind-scene"))
    world.cluster.faults.cni = "pending"
    with pytest.raises(StepFailedError) as failed:
        world.apply()
    assert failed.value.summary == "switch-scene-1 must not go on"
    assert "ambient.istio.io/redirection is pending" in failed.value.detail
    assert "no traffic passes" in failed.value.detail
    assert 25 < waits(world) < 60

    world.cluster.faults.cni = "enabled"
    world.rollback()
    assert world.image(times=False) == world.start


def test_pods_that_are_pending_for_a_moment_end_nothing(world):
    world.cluster.faults.cni_seconds = 20
    world.apply()


def test_a_waypoint_that_stopped_serving_after_it_was_bound_stops_callers_of_its_services(world):
    world.apply(Reach(to="bind-scene"))
    world.cluster.hold_back(WAYPOINT)
    world.clock.settle(60)
    before = world.image()
    with pytest.raises(StepFailedError) as failed:
        world.apply()
    assert failed.value.summary == "switch-scene-1 must not go on"
    assert "waypoint: status.availableReplicas is 0" in failed.value.detail
    assert world.image() == before

    world.cluster.let_go(WAYPOINT)
    world.clock.settle(60)
    world.apply()


def test_what_heals_before_the_second_look_ends_nothing(world):
    world.apply(Reach(to="bind-scene"))
    world.cluster.hold_back(WAYPOINT)
    world.clock.settle(60)
    world.cluster.let_go(WAYPOINT)
    world.apply()


def test_a_cluster_that_does_not_answer_while_it_is_watched_ends_nothing(world, monkeypatch):
    def unreachable(*_):
        raise ClusterError("the cluster does not answer")

    signs = "migrator.engine.alarm.SIGNS"
    monkeypatch.setattr(signs, (unreachable,))
    world.apply(Reach(to="bind-scene"))
    said = [says for says in world.watcher.said(Topic.NOTE) if "not looked at" in says]
    assert said == [f"{wave}: not looked at: the cluster does not answer" for wave in passed(world)]

    monkeypatch.setattr(signs, (unreachable, lambda *_: ["it burns"]))
    with pytest.raises(StepFailedError) as failed:
        world.apply()
    assert failed.value.detail == "it burns"


def passed(world):
    progress = world.job().run.progress
    names = (wave.name for phase in world.plan.phases for wave in phase.waves)
    return [name for name in names if progress.has_passed(name)]


def test_a_step_that_disturbs_nothing_does_not_make_a_look_old(world, monkeypatch):
    steps = {step.disruption: step for _, _, step in world.plan.steps()}
    wave = world.plan.phases[0].waves[0]
    alarm, looks = Alarm(world.job().run, wave), []
    alarm.before()
    monkeypatch.setattr(alarm, "look", lambda: looks.append(world.clock.now()))

    alarm.after(steps[Disruption.NONE])
    assert not looks
    alarm.after(steps[Disruption.RESTART])
    assert len(looks) == 1
    world.clock.sleep(POLL_SECONDS)
    alarm.after(steps[Disruption.NONE])
    assert len(looks) == 2
