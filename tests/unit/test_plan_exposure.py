"""What a plan says it opens and closes: the same as the states of its moments say, one by one."""

from migrator.exposure.compare import compare
from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.resource import Resource
from migrator.model.snapshot import Snapshot
from migrator.planner import PlanOptions, make_plan
from migrator.planner.decisions.calls import parse_calls
from migrator.planner.options import Acknowledge
from migrator.planner.outlook.exposing import exposed
from migrator.planner.outlook.exposure import with_exposure
from migrator.planner.outlook.moments import moments
from migrator.rules import all_rules, analyze
from tests.property.meshes import resource, service, workload

B_CALLS_A = parse_calls(
    {
        "complete": True,
        "calls": [
            {
                "from": {"namespace": "shop", "name": "b"},
                "to": {"namespace": "shop", "service": "a"},
            }
        ],
    }
)


def policy(name, app, action="DENY", **rule):
    rules = [rule or {"to": [{"operation": {"methods": ["DELETE"]}}]}]
    spec = {"selector": {"matchLabels": {"app": app}}, "action": action, "rules": rules}
    return resource(kinds.AUTHORIZATION_POLICY, "shop", name, spec=spec)


def strict(home="shop"):
    return resource(kinds.PEER_AUTHENTICATION, home, "strict", spec={"mtls": {"mode": "STRICT"}})


def shop(*names, home="shop"):
    return [
        resource(kinds.NAMESPACE, "", home, metadata={"labels": {"istio-injection": "enabled"}}),
        *(workload(kinds.DEPLOYMENT, home, name, {}) for name in names),
        *(service(home, name) for name in names),
    ]


def made(found, **options):
    mesh = Mesh(Snapshot(found))
    return mesh, make_plan(mesh, analyze(mesh, all_rules()), PlanOptions(**options))


def codes(plan):
    """What of the plan itself, not of findings, waits for a person."""
    return {a.code for a in plan.acknowledgements if not a.acknowledged and a.code[:4] == "PLAN"}


def calls(plan, kind):
    waves = [wave for phase in plan.phases for wave in phase.waves]
    return [one for wave in waves for one in getattr(wave.exposure, kind)]


def one_by_one(mesh, plan):
    """The same from whole states, each compared with the start."""
    found = list(moments(mesh, plan))
    seen = set()
    for moment in found[1:]:
        difference = compare(found[0].state, moment.state)
        for kind in difference._fields:
            seen |= {(kind, told(change)) for change in getattr(difference, kind)}
    return seen


def told(change):
    return change._replace(alike=False, principal="")


def test_what_is_told_by_namespaces_is_what_whole_states_say():
    found = [
        *shop("a", "b", "c"),
        *shop("d", home="elsewhere"),
        policy("p", "a"),
        policy("q", "b", "ALLOW", **{"from": [{"source": {"namespaces": ["elsewhere"]}}]}),
        strict("elsewhere"),
    ]
    mesh, plan = made(found)
    assert {(e.kind.value, told(e.change)) for e in exposed(mesh, plan)} == one_by_one(mesh, plan)


def test_a_plan_of_the_tool_opens_nothing():
    _, plan = made([*shop("a", "b"), policy("p", "a"), strict()])
    assert calls(plan, "opens") == calls(plan, "unknown") == []
    assert "PLAN03" not in codes(plan)


def test_plaintext_that_a_guard_will_refuse_must_be_accepted():
    found = [*shop("a", "b"), policy("p", "a")]
    _, plan = made(found, calls=B_CALLS_A)
    (refused,) = [one for one in calls(plan, "closes") if not one.direct]
    assert (refused.callers, refused.target.name, refused.until) == ("outside", "a", "")
    assert refused.since == "move.shop.deployment.a"
    assert codes(plan) == {"PLAN04"}
    assert any("PLAN04 plan-closes on Service/shop/a" in said for said in plan.refusals())

    _, accepted = made(found, calls=B_CALLS_A, acknowledge=(Acknowledge(code="PLAN04"),))
    assert codes(accepted) == set()


def test_who_may_call_itself_is_refused_while_it_rolls():
    """Its pods with a sidecar do not reach those that are ambient; nobody knows whether they want to."""
    _, plan = made([*shop("a", "b"), policy("p", "a"), strict()])
    (refused,) = [one for one in calls(plan, "closes") if not one.direct]
    assert refused.identities == ("cluster.local/ns/shop/sa/a",)
    assert refused.since == refused.until == "move.shop.deployment.a"
    assert codes(plan) == {"PLAN04"}


def test_what_only_reaches_pods_by_their_address_is_said_and_asks_nobody():
    _, plan = made([*shop("a", "b"), policy("p", "a"), strict()], calls=B_CALLS_A)
    assert {one.target.kind for one in calls(plan, "closes") if one.direct} == {"Deployment"}
    assert codes(plan) == set()


def test_calls_through_a_headless_service_are_calls_that_somebody_makes():
    found = [*shop("a", "b"), policy("p", "a")]
    headless = service("shop", "a", headless=True)
    peers = Resource(headless.ref._replace(name="a-peers"), headless.body)
    taken = (Acknowledge(code="AMB607"), Acknowledge(code="AMB608"))
    asked = [
        {
            a.target.kind
            for a in made(objects, calls=B_CALLS_A, acknowledge=taken)[1].acknowledgements
        }
        for objects in (found, [*found, peers])
    ]
    assert "Deployment" not in asked[0]
    assert "Deployment" in asked[1]


def test_a_guard_selects_the_pods_that_come_and_not_those_that_go():
    """Where only the template's labels tell pods apart, those that the move changes are left aside."""
    labels = {"sidecar.istio.io/inject": "true"}
    token = {"selector": {"matchLabels": {"app": "a"}}, "jwtRules": [{"issuer": "i"}]}
    found = [
        *shop("b"),
        workload(kinds.CRON_JOB, "shop", "a", labels),
        service("shop", "a"),
        resource(kinds.REQUEST_AUTHENTICATION, "shop", "jwt", spec=token),
    ]
    _, plan = made(found)
    (guard,) = [s for _, _, s in plan.steps() if s.id == "guard.shop.cronjob.a"]
    chosen = guard.manifest["spec"]["selector"]["matchLabels"]
    assert chosen == {"app": "a", "istio.io/dataplane-mode": "ambient"}
    assert calls(plan, "opens") == []


def test_who_is_ambient_already_is_not_kept_out():
    """Its label would take it out of ztunnel, and STRICT with it."""
    both = {"istio-injection": "enabled", "istio.io/dataplane-mode": "ambient"}
    found = [
        resource(kinds.NAMESPACE, "", "shop", metadata={"labels": both}),
        workload(kinds.DEPLOYMENT, "shop", "a", {}),
        workload(kinds.DEPLOYMENT, "shop", "b", {"sidecar.istio.io/inject": "false"}),
        strict(),
    ]
    _, plan = made(found)
    assert not [s.id for _, _, s in plan.steps() if s.id.startswith("keep-out")]
    assert calls(plan, "opens") == []


def test_what_is_accepted_of_many_changes_is_all_of_them():
    """Only the first are told in words; another one among the rest is not accepted with them."""
    denied = [policy(f"p{n}", "a", to=[{"operation": {"paths": [f"/{n}"]}}]) for n in range(5)]
    mesh, plan = made([*shop("a", "b"), *denied])

    def without(start, *numbers):
        """Copies left out by an editor."""
        names = {f"expand.copy.shop.authorizationpolicy.p{n}-waypoint" for n in numbers}
        phases = [
            phase.model_copy(update={"waves": tuple(left(wave, names) for wave in phase.waves)})
            for phase in start.phases
        ]
        return with_exposure(mesh, start.model_copy(update={"phases": tuple(phases)}))

    def left(wave, names):
        return wave.model_copy(update={"steps": tuple(s for s in wave.steps if s.id not in names)})

    def accepted(start):
        given = [a.model_copy(update={"acknowledged": True}) for a in start.acknowledgements]
        return tuple(given)

    four = without(plan, 0, 1, 2, 3)
    assert "PLAN03" in codes(four)
    four = four.model_copy(update={"acknowledgements": accepted(four)})
    assert codes(with_exposure(mesh, four)) == set()
    others = plan.model_copy(update={"acknowledgements": four.acknowledgements})
    assert "PLAN03" in codes(without(others, 0, 1, 2, 4))


def test_the_next_pods_of_a_guarded_job_are_born_under_its_guard():
    """Nobody labels them: they are ambient by their namespace, and the guard asks for no label by then."""
    token = {"selector": {"matchLabels": {"app": "a"}}, "jwtRules": [{"issuer": "i"}]}
    found = [
        *shop("b"),
        workload(kinds.JOB, "shop", "a", {}),
        service("shop", "a"),
        resource(kinds.REQUEST_AUTHENTICATION, "shop", "jwt", spec=token),
    ]
    _, plan = made(found)
    steps = [step.id for _, _, step in plan.steps()]

    assert steps.index("wait.shop.job.a") < steps.index("contract.guard.shop.job.a")
    assert steps.index("contract.guard.shop.job.a") < steps.index("flip.shop")
    assert calls(plan, "opens") == []
