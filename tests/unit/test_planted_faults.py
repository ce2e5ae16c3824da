"""Plans that somebody edited, or that others publish: what they expose is found, and the plan is refused."""

from collections.abc import Callable

import pytest
import yaml
from typer.testing import CliRunner

from migrator.cli import app
from migrator.errors import BlockedPlanError
from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.snapshot import Snapshot
from migrator.planner import PlanOptions, make_plan
from migrator.planner.decisions.calls import parse_calls
from migrator.planner.file.planfile import dump, load
from migrator.planner.file.yaml_text import block
from migrator.planner.outlook.exposure import with_exposure
from migrator.rules import all_rules, analyze
from tests.property.meshes import resource, service, workload

WEB_CALLS_CART = {
    "complete": True,
    "calls": [
        {
            "from": {"namespace": "shop", "name": "web"},
            "to": {"namespace": "shop", "service": "cart"},
        }
    ],
}


def objects():
    deny = {"to": [{"operation": {"methods": ["DELETE"]}}]}
    spec = {"selector": {"matchLabels": {"app": "cart"}}, "action": "DENY", "rules": [deny]}
    return [
        resource(kinds.NAMESPACE, "", "shop", metadata={"labels": {"istio-injection": "enabled"}}),
        *(workload(kinds.DEPLOYMENT, "shop", name, {}) for name in ("cart", "web")),
        *(service("shop", name) for name in ("cart", "web")),
        resource(kinds.AUTHORIZATION_POLICY, "shop", "no-delete", spec=spec),
        resource(kinds.PEER_AUTHENTICATION, "shop", "strict", spec={"mtls": {"mode": "STRICT"}}),
    ]


MESH = Mesh(Snapshot(objects()))
PLAN = make_plan(MESH, analyze(MESH, all_rules()), PlanOptions(calls=parse_calls(WEB_CALLS_CART)))


def edited(change: Callable[[dict], None]):
    """The plan file as a person leaves it after `change`, read and judged again."""
    data = yaml.safe_load(dump(PLAN))
    change(data)
    return with_exposure(MESH, load(block(data)))


def waves(data):
    return [wave for phase in data["phases"] for wave in phase["waves"]]


def where(data, step):
    return next(
        (wave["steps"], i)
        for wave in waves(data)
        for i, one in enumerate(wave["steps"])
        if one["id"] == step
    )


def swap(data, one, other):
    (here, i), (there, j) = where(data, one), where(data, other)
    here[i], there[j] = there[j], here[i]


def server_before_its_caller(data):
    swap(data, "move.shop.deployment.cart", "move.shop.deployment.web")


def moved_before_it_is_guarded(data):
    swap(data, "guard.shop.deployment.cart", "move.shop.deployment.cart")


def copy_without_its_action(data):
    steps, i = where(data, "expand.copy.shop.authorizationpolicy.no-delete-waypoint")
    del steps[i]["manifest"]["spec"]["action"]


def guard_left_out(data):
    steps, i = where(data, "guard.shop.deployment.cart")
    del steps[i]


def copy_left_out(data):
    steps, i = where(data, "expand.copy.shop.authorizationpolicy.no-delete-waypoint")
    del steps[i]


def bound_before_it_is_ready(data):
    """The waypoint comes when its Service's pods are ambient already."""
    steps, i = where(data, "expand.waypoint.shop")
    waypoint = steps.pop(i)
    there, j = where(data, "move.shop.deployment.cart")
    there.insert(j + 1, waypoint)
    for wave in waves(data):
        for step in wave["steps"]:
            checks = [c for c in step.get("before", ()) if c["predicate"] != "waypoint-ready"]
            step["before"] = checks


def never_asked_whether_it_is_ready(data):
    for wave in waves(data):
        for step in wave["steps"]:
            for key in ("before", "after"):
                step[key] = [c for c in step.get(key, ()) if c["predicate"] != "waypoint-ready"]


FAULTS = [
    (server_before_its_caller, "PLAN04", "sidecar callers", "until move.shop.deployment.web"),
    (moved_before_it_is_guarded, "PLAN03", "to the pods", "until guard.shop.deployment.cart"),
    (
        copy_without_its_action,
        "PLAN03",
        "ambient callers",
        "from move.shop.deployment.cart, and it stays so",
    ),
    (guard_left_out, "PLAN03", "to the pods", "AuthorizationPolicy/shop/no-delete"),
    (copy_left_out, "PLAN03", "ambient callers", "DELETE /"),
    (bound_before_it_is_ready, "PLAN04", "guard-cart", "until expand.waypoint.shop"),
    (never_asked_whether_it_is_ready, "PLAN04", "guard-cart", "and it stays so"),
]


def test_the_plan_as_it_was_made_waits_for_nobody():
    assert edited(lambda _: None).refusals() == PLAN.refusals()
    assert not any(said.startswith("PLAN") for said in PLAN.refusals())


@pytest.mark.parametrize(("fault", "code", "one", "other"), FAULTS)
def test_a_planted_fault_is_refused_with_its_exposure(fault, code, one, other):
    said = [s for s in edited(fault).refusals() if s.startswith("PLAN")]
    assert any(s.startswith(code) and one in s and other in s for s in said), said


def test_what_was_accepted_of_another_plan_is_asked_again():
    accepted = load(
        dump(edited(guard_left_out)).replace("acknowledged: false", "acknowledged: true")
    )
    assert with_exposure(MESH, accepted).refusals() == ()
    data = yaml.safe_load(dump(accepted))
    copy_left_out(data)
    assert any("PLAN03" in said for said in with_exposure(MESH, load(block(data))).refusals())


def test_show_and_apply_judge_the_plan_as_it_is_now(tmp_path):
    """Edited by hand, with its snapshot beside it."""
    source, plan, calls = (tmp_path / name for name in ("mesh.yaml", "plan.yaml", "calls.yaml"))
    source.write_text(yaml.safe_dump_all([_whole(one) for one in objects()]))
    calls.write_text(yaml.safe_dump(WEB_CALLS_CART))
    made = CliRunner().invoke(app, ["plan", str(source), "--calls", str(calls), "-o", str(plan)])
    assert made.exit_code == 0, made.output
    assert "OPENS (a request that was denied passes), by the model\n  nothing" in made.stderr
    data = yaml.safe_load(plan.read_text())
    guard_left_out(data)
    plan.write_text(block(data).replace("acknowledged: false", "acknowledged: true"))

    shown = CliRunner().invoke(app, ["show", str(plan)])
    assert "PLAN03 plan-opens" in shown.stdout
    applied = CliRunner().invoke(app, ["apply", str(plan), "--simulate", "--yes"])
    assert isinstance(applied.exception, BlockedPlanError)
    assert "PLAN03 plan-opens on Deployment/shop/cart" in applied.exception.detail


def _whole(one):
    group, kind, namespace, name = one.ref
    meta = {**one.metadata, "name": name, **({"namespace": namespace} if namespace else {})}
    return {
        "apiVersion": f"{group}/v1" if group else "v1",
        "kind": kind,
        **one.body,
        "metadata": meta,
    }
