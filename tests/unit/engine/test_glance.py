"""What several checks look at is read once for one look, and anew for the next."""

from collections import Counter

import pytest

from migrator.engine.glance import Glance
from migrator.errors import DriftError, ForbiddenError
from migrator.istio import kinds
from migrator.model.journal import Event
from migrator.model.news import Topic
from migrator.model.resource import Ref
from migrator.steps import Disruption, SetLabels

from .seen import Objects

ORDERS = Ref(*kinds.DEPLOYMENT, "scene", "orders")
NAMESPACE = Ref(*kinds.NAMESPACE, "", "scene")


class Asked:
    """A ClusterReader over another one; remembers what it was asked for."""

    def __init__(self, cluster):
        self._cluster = cluster
        self.asked = Counter()

    def get(self, ref):
        self.asked[ref] += 1
        return self._cluster.get(ref)

    def list(self, kind, namespace="", labels=None):
        self.asked[kind, namespace, str(labels)] += 1
        return self._cluster.list(kind, namespace, labels)


def test_what_is_there_or_not_is_asked_once(world):
    asked = Asked(world.cluster)
    glance = Glance(asked)

    found = [glance.get(ORDERS) for _ in range(2)]
    assert found[0] is found[1] is not None
    assert [glance.get(ORDERS._replace(name="nobody")) for _ in range(2)] == [None, None]
    for labels in (None, {}, {"app": "orders"}, {"app": "nobody"}):
        assert glance.list(kinds.POD, "scene", labels) == glance.list(kinds.POD, "scene", labels)
    assert len(glance.list(kinds.POD)) > len(glance.list(kinds.POD, "scene", {"app": "orders"}))

    assert set(asked.asked.values()) == {1}
    assert len(asked.asked) == 6  # no labels and none are the same


def test_who_may_not_is_told_so_each_time():
    glance = Glance(Objects(forbidden=[kinds.POD]))
    for _ in range(2):
        with pytest.raises(ForbiddenError):
            glance.list(kinds.POD)


def on(world, event, step, act):
    """Somebody acts when `event` of `step` has been recorded."""
    append = world.journal.append

    def appended(entry):
        append(entry)
        if (entry.event, entry.subject) == (event, step):
            act()

    world.journal.append = appended


def labelling(world, target):
    """The first step that labels the object, with one of its labels."""
    for _, _, step in world.plan.steps():
        if isinstance(step, SetLabels) and step.target.ref == target:
            return step.id, next(iter(step.labels))
    raise AssertionError(target)


def test_what_is_changed_between_the_before_image_and_the_change_is_not_overwritten(world):
    step, key = labelling(world, NAMESPACE)
    theirs = {"metadata": {"labels": {key: "theirs"}}}
    on(world, Event.CAPTURED, step, lambda: world.cluster.meddle(NAMESPACE, theirs))

    with pytest.raises(DriftError, match="somebody else changed"):
        world.apply()

    assert world.cluster.get(NAMESPACE)["metadata"]["labels"][key] == "theirs"


def test_a_field_of_somebody_else_that_comes_between_both_is_kept(world):
    step, _ = labelling(world, NAMESPACE)
    theirs = {"metadata": {"labels": {"team": "theirs"}}}
    on(world, Event.CAPTURED, step, lambda: world.cluster.meddle(NAMESPACE, theirs))

    world.apply()

    assert world.cluster.get(NAMESPACE)["metadata"]["labels"]["team"] == "theirs"
    assert any(said.startswith(step) for said in world.watcher.said(Topic.CHANGED))


def test_only_what_disturbs_is_recorded_before_it_is_verified(world):
    world.apply()
    disturbing = {s.id for _, _, s in world.plan.steps() if s.disruption is Disruption.RESTART}
    entries = world.journal.entries()
    assert {e.subject for e in entries if e.event is Event.APPLIED} == disturbing
    assert {e.subject for e in entries if e.event is Event.VERIFIED} == {
        s.id for _, _, s in world.plan.steps()
    }
