"""What a plan says of calls that are routed in another way, and what of that a person must accept."""

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.snapshot import Snapshot
from migrator.planner import PlanOptions, make_plan
from migrator.planner.options import Acknowledge
from migrator.planner.outlook.exposure import with_exposure
from migrator.report.exposed import exposed
from migrator.rules import all_rules, analyze
from tests.property.meshes import resource, service, workload
from tests.unit.test_plan_exposure import codes, made, shop

TO_A = [{"destination": {"host": "a.shop.svc.cluster.local"}}]
POOL = {"connectionPool": {"tcp": {"maxConnections": 9}}}


def virtual_service(namespace="shop", *routes, host="a.shop.svc.cluster.local"):
    http = list(routes) or [{"timeout": "5s", "route": TO_A}]
    return resource(kinds.VIRTUAL_SERVICE, namespace, "a", spec={"hosts": [host], "http": http})


def destination_rule(namespace="shop"):
    spec = {"host": "a.shop.svc.cluster.local", "trafficPolicy": POOL}
    return resource(kinds.DESTINATION_RULE, namespace, "a", spec=spec)


def reroutes(plan):
    return [one for phase in plan.phases for wave in phase.waves for one in wave.exposure.reroutes]


def asked(plan):
    return [a for a in plan.acknowledgements if a.code == "PLAN06"]


def test_a_bound_service_keeps_its_routes_and_nothing_is_said():
    _, plan = made([*shop("a", "b"), virtual_service()])

    assert plan.waypoints[0].services.keys() == {"a"}
    assert reroutes(plan) == []
    assert ("REROUTES (a call that passes is routed in another way)", "yellow", []) in [
        *exposed(plan)
    ]


def test_what_a_finding_says_already_is_referred_to_and_asked_once():
    _, plan = made([*shop("a", "b"), destination_rule()])
    (found,) = reroutes(plan)

    assert found.lost == ("DestinationRule/shop/a: connectionPool",)
    assert (len(found.identities), found.alike) == (1, True)
    assert (found.was, found.callers, found.by) == ("sidecar", "ambient", "")
    assert (found.since, found.until) == ("flip.shop", "")
    assert found.covered == ("AMB219 on DestinationRule/shop/a",)
    assert asked(plan) == []
    assert "AMB219" in {a.code for a in plan.acknowledgements}


def staying():
    """The server keeps its sidecar, so that no finding asks anybody to accept what its callers lose."""
    labels = {"istio.io/dataplane-mode": "none", "sidecar.istio.io/inject": "true"}
    return [
        *shop("b"),
        workload(kinds.DEPLOYMENT, "shop", "a", labels),
        service("shop", "a"),
        virtual_service(),
    ]


def test_what_stays_lost_and_nobody_has_accepted_asks_for_it():
    mesh = Mesh(Snapshot(staying()))
    findings = tuple(f for f in analyze(mesh, all_rules()) if f.code != "AMB201")
    plan = unbound(make_plan(mesh, findings, PlanOptions()))
    plan = with_exposure(mesh, plan)
    found = [one for one in reroutes(plan) if not one.until]

    assert [one.lost for one in found] == [("VirtualService/shop/a: timeout",)]
    (one,) = asked(plan)
    assert (one.rule, str(one.target), one.acknowledged) == (
        "plan-reroutes",
        "Service/shop/a",
        False,
    )
    assert "no longer: VirtualService/shop/a: timeout; by nobody" in one.says
    assert any("PLAN06 plan-reroutes on Service/shop/a" in said for said in plan.refusals())

    given = plan.model_copy(
        update={"acknowledgements": tuple(
            a.model_copy(update={"acknowledged": True}) for a in plan.acknowledgements
        )}
    )  # fmt: skip
    assert "PLAN06" not in codes(with_exposure(mesh, given))


def unbound(plan):
    """Without the steps that bind Services."""
    return without(plan, "bind.")


def without(plan, *starts):
    phases = tuple(
        phase.model_copy(
            update={
                "waves": tuple(
                    wave.model_copy(
                        update={
                            "steps": tuple(s for s in wave.steps if not s.id.startswith(starts))
                        }
                    )
                    for wave in phase.waves
                )
            }
        )
        for phase in plan.phases
    )
    return plan.model_copy(update={"phases": phases})


def test_an_edited_plan_gets_its_own_answer():
    mesh, plan = made([*shop("a", "b"), virtual_service()])
    edited = with_exposure(mesh, unbound(plan))

    assert reroutes(plan) == []
    assert [one.lost for one in reroutes(edited)] == [("VirtualService/shop/a: timeout",)]
    assert "PLAN06" in codes(edited)


def test_what_lasts_for_some_steps_only_is_told_and_asks_nobody():
    """A binding that comes after the first caller has moved."""
    mesh, plan = made([*shop("a", "b"), virtual_service()])
    (bind,) = [s for _, _, s in plan.steps() if s.id.startswith("bind.")]
    later = without(plan, "bind.")
    *phases, last = later.phases
    *waves, wave = last.waves
    steps = (*wave.steps, bind.model_copy(update={"requires": ()}))
    last = last.model_copy(update={"waves": (*waves, wave.model_copy(update={"steps": steps}))})
    found = with_exposure(mesh, later.model_copy(update={"phases": (*phases, last)}))
    (one,) = reroutes(found)

    assert one.lost == ("VirtualService/shop/a: timeout",)
    assert (one.since, one.until) == ("flip.shop", bind.id)
    assert asked(found) == []


def test_httproutes_in_place_of_virtualservices_change_nothing():
    _, plan = made([*shop("a", "b"), virtual_service()], routes="httproute")

    assert any(s.id.startswith("contract.route.") for _, _, s in plan.steps())
    assert reroutes(plan) == []


def test_an_httproute_that_says_something_else_is_seen():
    mesh, plan = made([*shop("a", "b"), virtual_service()], routes="httproute")

    def slower(step):
        if not step.id.startswith("contract.route."):
            return step
        (rule,) = step.manifest["spec"]["rules"]
        rules = [{**rule, "timeouts": {"request": "50s"}}]
        return step.model_copy(
            update={
                "manifest": {**step.manifest, "spec": {**step.manifest["spec"], "rules": rules}}
            }
        )

    phases = tuple(
        p.model_copy(
            update={"waves": tuple(
                w.model_copy(update={"steps": tuple(map(slower, w.steps))}) for w in p.waves
            )}
        )
        for p in plan.phases
    )  # fmt: skip
    found = with_exposure(mesh, plan.model_copy(update={"phases": phases}))

    assert {one.lost for one in reroutes(found) if not one.until} == {
        ("VirtualService/shop/a: timeout",)
    }
    assert "PLAN06" in codes(found)


def test_acknowledged_on_the_command_line():
    found = [
        *shop("a", "b"),
        virtual_service("elsewhere"),
        resource(kinds.NAMESPACE, "", "elsewhere"),
    ]
    _, plan = made(found, acknowledge=(Acknowledge(code="AMB202"),))

    assert [one.covered for one in reroutes(plan)] == [("AMB202 on VirtualService/elsewhere/a",)]
    assert asked(plan) == []
