"""The states of a plan, step by step, forwards and back, against what a cluster would hold then."""

import pytest

from migrator.exposure.compare import compare
from migrator.exposure.state import Readiness
from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.pods.dataplane import Mode
from migrator.model.resource import Ref
from migrator.model.snapshot import Snapshot
from migrator.planner import PlanOptions, make_plan
from migrator.planner.file.planfile import dump, load
from migrator.planner.outlook.moments import moments, moments_back
from migrator.rules import all_rules, analyze
from tests.property.meshes import resource, service, workload

CART, WEB = (Ref(*kinds.DEPLOYMENT, "shop", name) for name in ("cart", "web"))
WAYPOINT = Ref(*kinds.GATEWAY, "shop", "waypoint")


def shop(*more, protected=True):
    rules = [{"to": [{"operation": {"methods": ["DELETE"]}}]}]
    spec = {"selector": {"matchLabels": {"app": "cart"}}, "action": "DENY", "rules": rules}
    return [
        resource(kinds.NAMESPACE, "", "shop", metadata={"labels": {"istio-injection": "enabled"}}),
        *(workload(kinds.DEPLOYMENT, "shop", name, {}) for name in ("cart", "web")),
        *(service("shop", name) for name in ("cart", "web")),
        *([resource(kinds.AUTHORIZATION_POLICY, "shop", "deny", spec=spec)] if protected else []),
        *more,
    ]


def planned(objects):
    mesh = Mesh(Snapshot(objects))
    return mesh, load(dump(make_plan(mesh, analyze(mesh, all_rules()), PlanOptions())))


def modes(moment, ref):
    return {pods.mode for pods in moment.state.pods_of(moment.state.mesh.workload(ref))}


def after(found, step, *, rolling=False):
    return next(m for m in found if m.step == step and m.rolling is rolling)


def test_a_workload_is_of_two_kinds_while_it_rolls_and_of_one_afterwards():
    found = list(moments(*planned(shop())))
    assert found[0].step is None
    assert modes(found[0], CART) == {Mode.SIDECAR_HBONE}
    rolling = after(found, "move.shop.deployment.cart", rolling=True)
    assert modes(rolling, CART) == {Mode.SIDECAR_HBONE, Mode.AMBIENT}
    assert modes(after(found, "move.shop.deployment.cart"), CART) == {Mode.AMBIENT}
    assert modes(found[-1], WEB) == {Mode.AMBIENT}


def test_a_waypoint_is_there_when_its_check_holds_and_not_before():
    found = list(moments(*planned(shop())))
    step = "expand.waypoint.shop"
    assert after(found, step, rolling=True).state.waypoints == {WAYPOINT: Readiness.ABSENT}
    assert after(found, step).state.waypoints == {WAYPOINT: Readiness.READY}


def test_a_waypoint_that_nobody_checks_is_never_taken_to_be_ready():
    mesh, plan = planned(shop())
    unchecked = load(dump(plan).replace("predicate: waypoint-ready", "predicate: exists"))
    assert list(moments(mesh, unchecked))[-1].state.waypoints == {WAYPOINT: Readiness.ABSENT}


def test_a_flip_lets_pods_of_both_kinds_be_born_before_any_restart():
    """A node is drained, something scales: who is born after the flip is ambient."""
    found = list(moments(*planned(shop(protected=False))))
    assert modes(after(found, "flip.shop"), CART) == {Mode.SIDECAR_HBONE, Mode.AMBIENT}


def test_a_plan_of_the_tool_opens_nothing_at_any_moment_forwards_or_back():
    mesh, plan = planned(shop())
    found = [*moments(mesh, plan), *moments_back(mesh, plan)]
    start = found[0].state
    assert [(m.step, compare(start, m.state).opens) for m in found] == [(m.step, ()) for m in found]


@pytest.mark.parametrize("protected", [True, False])
def test_a_rollback_ends_with_the_objects_and_pods_of_the_start(protected):
    mesh, plan = planned(shop(protected=protected))
    found = list(moments_back(mesh, plan))
    assert modes(found[0], CART) == {Mode.AMBIENT}
    end = found[-1].state
    assert {r.ref: r.body for r in end.mesh.snapshot} == {r.ref: r.body for r in mesh.snapshot}
    assert modes(found[-1], CART) == modes(found[-1], WEB) == {Mode.SIDECAR_HBONE}


def test_a_rollback_may_begin_in_the_middle():
    mesh, plan = planned(shop())
    found = list(moments_back(mesh, plan, after="expand.waypoint.shop"))
    assert found[0].state.mesh.snapshot.get(WAYPOINT) is not None
    assert found[-1].state.mesh.snapshot.get(WAYPOINT) is None
    assert all(modes(moment, CART) == {Mode.SIDECAR_HBONE} for moment in found)
