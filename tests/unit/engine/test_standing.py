"""Where a plan stands: drift field by field, claims looked at again, and what could not be looked at."""

import pytest

from migrator.engine import standing
from migrator.engine.forward import Reach
from migrator.istio import kinds
from migrator.model.resource import Ref
from migrator.report import standing as report


def claims(world):
    run = world.job().run
    return tuple(standing.verify(world.plan, run.progress, world.cluster))


def drifted(world):
    run = world.job().run
    return tuple(standing.drift(world.plan, run.progress, world.cluster))


def shown(world, found):
    return report.verified(world.plan, world.job().run.progress, found)


def test_nothing_is_claimed_before_anything_is_done(world):
    assert claims(world) == ()


@pytest.mark.parametrize("share", [1, 2, 3, 4])
def test_after_every_checkpoint_all_claims_hold(world, share):
    waves = [wave.name for phase in world.plan.phases for wave in phase.waves]
    world.apply(Reach(to=waves[len(waves) * share // 4 - 1]))

    found = claims(world)
    view = shown(world, found)

    assert found
    assert standing.broken(iter(found)) == ()
    assert (view.broken, view.unread) == ((), ())
    assert "no drift" in [text for text, _ in report.lines(view, 100)]


def test_after_a_rollback_nothing_is_claimed(world):
    world.apply()
    world.rollback()

    assert claims(world) == ()


def _of_step(world, kind):
    return next(s for _, _, s in world.plan.steps() if s.kind == kind and s.writes("t"))


@pytest.mark.parametrize("kind", ["set-labels", "patch-template", "create-object"])
def test_a_field_that_somebody_changed_is_drift_and_named(world, kind):
    world.apply()
    step = _of_step(world, kind)
    write = step.writes(world.job().run.progress.of(step.id).stamp)[0]
    if write.path:
        patch = "changed"
        for part in reversed(write.path):
            patch = {part: patch}
        world.cluster.meddle(step.target.ref, patch)
    else:
        world.cluster.meddle_delete(step.target.ref)

    (found,) = [c for c in drifted(world) if str(step.target.ref) in c.says]

    assert (".".join(write.path) or "the object") in found.says
    assert shown(world, (found,)).broken[0].says == found.verdict.says


def test_what_was_deleted_by_the_plan_and_is_there_again_is_drift(world):
    world.apply()
    step = _of_step(world, "delete-object")
    images = world.job().run.progress.of(step.id).images
    world.cluster.meddle_create(images[0].fields[0].value)

    assert [c.step for c in drifted(world)] == [step.id]


def test_a_pod_that_left_ambient_breaks_the_claim_of_its_workload(world):
    world.apply()
    pods = world.cluster.list(kinds.POD, "scene")
    name = next(p["metadata"]["name"] for p in pods if p["metadata"]["name"].startswith("orders"))
    gone = {"metadata": {"annotations": {"ambient.istio.io/redirection": None}}}
    world.cluster.meddle(Ref(*kinds.POD, "scene", name), gone)

    (broken,) = standing.broken(iter(claims(world)))

    assert name in broken.verdict.says
    assert "ambient.istio.io/redirection is absent" in broken.verdict.says
    assert not broken.unread


@pytest.mark.parametrize(
    ("verb", "kind", "word"),
    [
        ("get", kinds.NAMESPACE, "Namespace/scene"),
        ("list", kinds.POD, "pods-ambient"),
        ("get", kinds.GATEWAY, "waypoint-ready"),
    ],
)
def test_what_may_not_be_read_is_said_and_the_rest_is_looked_at(world, verb, kind, word):
    world.apply()
    whole = claims(world)
    world.cluster.faults.forbid(verb, kind)

    found = claims(world)
    view = shown(world, found)

    assert view.broken == ()
    assert any(word in one.says and "could not be looked at" in one.says for one in view.unread)
    assert 0 < len(view.unread) < len(found)
    assert len(found) >= len(whole)
    lines = [text for text, _ in report.lines(view, 400)]
    assert not any("no drift" in line for line in lines)
    assert any("not looked at, so nothing is known" in line for line in lines)


def test_a_cluster_that_does_not_answer_leaves_nothing_known(world):
    world.apply()
    job = world.job()
    world.cluster.faults.unreachable = True

    found = tuple(standing.verify(world.plan, job.run.progress, world.cluster))

    assert found
    assert all(claim.unread for claim in found)
