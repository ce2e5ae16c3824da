"""What a repository owns is changed by a commit, forwards and back; the run waits and writes nothing."""

from dataclasses import replace
from pathlib import Path

import pytest

from migrator.adapters.files import read_sources
from migrator.engine.forward import Reach
from migrator.engine.gitops import Commit
from migrator.errors import RollbackIncompleteError, StepFailedError
from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model import writes as fields
from migrator.model.news import Question
from migrator.model.resource import Ref, Resource
from migrator.model.snapshot import Snapshot
from migrator.planner import PlanOptions, make_plan
from migrator.planner.file.staleness import changes
from migrator.planner.options import Acknowledge
from migrator.rules import all_rules, analyze
from tests.runs import World

SCENARIO = Path(__file__).parents[3] / "e2e" / "scenarios" / "guarded.yaml"
NAMESPACE = Ref(*kinds.NAMESPACE, "", "scene")
ORDERS = Ref(*kinds.DEPLOYMENT, "scene", "orders")
POLICY = Ref(*kinds.AUTHORIZATION_POLICY, "scene", "orders-reading")
OWNED = (NAMESPACE, ORDERS, POLICY)
ARGO = {"annotations": {"argocd.argoproj.io/tracking-id": "orders:apps/Deployment:scene/orders"}}
FLUX = {
    "labels": {
        "kustomize.toolkit.fluxcd.io/name": "orders",
        "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
    }
}


def marked(body, mark):
    meta = dict(body["metadata"])
    for key, values in mark.items():
        meta[key] = {**meta.get(key, {}), **values}
    return {**body, "metadata": meta}


def world_of(mark):
    found = read_sources([str(SCENARIO)]).snapshot
    resources = [replace(r, body=marked(r.body, mark)) if r.ref in OWNED else r for r in found]
    snapshot = Snapshot(resources)
    mesh = Mesh(snapshot)
    accepted = tuple(Acknowledge(code=code) for code in ("AMB701", "AMB702"))
    options = PlanOptions(soak_minutes=0, acknowledge=accepted)
    plan = make_plan(mesh, analyze(mesh, all_rules()), options)
    return World(plan, snapshot)


@pytest.fixture(params=[ARGO, FLUX], ids=["argocd", "flux"])
def world(request):
    return world_of(request.param)


def written(world):
    """What the run itself changed, and of it all but the times of restarts."""
    return {w.ref for w in world.cluster.writes if not is_restart(w.change)}


def is_restart(change):
    template = ((change or {}).get("spec") or {}).get("template") or {}
    return set(template.get("metadata") or ()) == {"annotations"}


def commits(world):
    return [q.change for q in world.watcher.questions if isinstance(q.change, Commit)]


def test_there_and_back_nothing_that_is_owned_is_patched(world):
    world.apply()
    there = commits(world)
    assert {commit.target.ref for commit in there} == set(OWNED)
    assert not written(world) & set(OWNED)

    world.rollback()
    back = commits(world)[len(there) :]
    assert {commit.target.ref for commit in back} == set(OWNED)
    assert not written(world) & set(OWNED)
    assert world.image(times=False) == world.start


def test_while_it_waits_the_tool_gives_up_its_share_of_what_a_repository_owns(world, monkeypatch):
    """Else no field of what it made, and a repository took over, could ever go by server-side apply."""
    given_up = []
    monkeypatch.setattr(world.cluster, "release", given_up.append)
    world.apply()

    assert set(given_up) == set(OWNED)


def test_a_restart_is_no_change_of_what_the_repository_says(world):
    world.apply(Reach(to="hbone-scene"))
    assert world.restarts()["orders"] == 2
    assert commits(world) == []


def test_the_question_shows_the_change_and_its_owner(world):
    world.apply()
    first = next(q for q in world.watcher.questions if isinstance(q.change, Commit))
    assert "belongs to" in first.says
    assert "commit this change there" in first.says
    assert all(c.writes("") for c in commits(world))


def test_what_nobody_commits_stops_the_run_and_nothing_is_patched(world):
    world.watcher.refuse.add("instruction")
    world.cluster.install_ambient()
    with pytest.raises(StepFailedError) as failed:
        world.apply()
    assert "commit this change there" in failed.value.summary
    assert failed.value.hint == "migrate export PLAN FOLDER"
    assert not written(world) & set(OWNED)


def test_a_rollback_that_nobody_commits_says_where_it_stands(world):
    world.apply()
    world.watcher.refuse.add("instruction")
    with pytest.raises(RollbackIncompleteError) as failed:
        world.rollback()
    assert "commit this change there" in failed.value.summary

    world.watcher.refuse.clear()
    world.rollback()
    assert world.image(times=False) == world.start


def ahead(world, wave):
    """Somebody commits all of a wave at once, before its steps ask for it."""
    (steps,) = (w.steps for p in world.plan.phases for w in p.waves if w.name == wave)
    for step in steps:
        if step.target.ref in OWNED:
            commit = Commit(step.id, step.target, step.writes(""), "")
            world.job().run.watcher.ask(Question("instruction", step.id, "", "", commit))


def test_what_was_committed_ahead_of_its_step_is_taken_back_all_the_same(world):
    world.apply(Reach(to="switch-scene-1"))
    ahead(world, "switch-scene-2")
    asked = len(commits(world))
    world.apply(Reach(to="switch-scene-2"))
    assert len(commits(world)) == asked

    world.rollback("switch-scene-1")
    back = {commit.target.ref for commit in commits(world)[asked:]}
    assert back == set(OWNED)
    world.rollback()
    assert world.image(times=False) == world.start


@pytest.mark.parametrize("is_owned", [True, False])
def test_what_was_committed_ahead_does_not_make_the_plan_stale(is_owned):
    world = world_of(ARGO if is_owned else {})
    then = Snapshot(
        Resource(Ref(*ref), body)
        for ref, body in ((ref, world.cluster.get(ref)) for ref in (NAMESPACE, POLICY))
    )
    now = Snapshot(
        replace(r, body=fields.written(r.body, step.writes("")))
        for r in then
        for _, _, step in world.plan.steps()
        if step.target.ref == r.ref and step.id.startswith(("flip.", "narrow."))
    )
    found = {change.ref for change in changes(world.plan, then, now)}
    assert found == (set() if is_owned else {NAMESPACE, POLICY})
