"""What no order keeps: the three ways out, and what the model says that each opens and closes."""

import re

import pytest

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.snapshot import Snapshot
from migrator.planner import PlanOptions, make_plan
from migrator.planner.decisions.calls import parse_calls
from migrator.planner.options import Acknowledge
from migrator.rules import all_rules, analyze
from tests.property.meshes import resource, service, workload

B_ONLY = {"from": [{"source": {"principals": ["cluster.local/ns/shop/sa/b"]}}]}
GET_ONLY = {"to": [{"operation": {"methods": ["GET"]}}]}
NOTHING = "opens nothing; closes nothing"


def policy(name, app, action, **rule):
    spec = {"selector": {"matchLabels": {"app": app}}, "action": action, "rules": [rule]}
    return resource(kinds.AUTHORIZATION_POLICY, "shop", name, spec=spec)


def shop(*apps, strict=True, home="shop"):
    labels = {"labels": {"istio-injection": "enabled"}}
    mode = {"mtls": {"mode": "STRICT" if strict else "PERMISSIVE"}}
    return [
        resource(kinds.NAMESPACE, "", home, metadata=labels),
        *(workload(kinds.DEPLOYMENT, home, app, {}) for app in apps),
        resource(kinds.PEER_AUTHENTICATION, home, "mode", spec=mode),
    ]


def planned(found, *calls, **options):
    if calls:
        told = [
            {
                "from": {"namespace": "shop", "name": caller},
                "to": {"namespace": "shop", "service": callee},
            }
            for caller, callee in calls
        ]
        options["calls"] = parse_calls({"complete": True, "calls": told})
    mesh = Mesh(Snapshot(found))
    return make_plan(mesh, analyze(mesh, all_rules()), PlanOptions(**options))


def ways(says):
    """Each way by its name."""
    window = re.search(r"A window, .* anew: (.*), beside their own calls\.", says)
    permissive = re.search(r"PERMISSIVE for these pods while they move: (.*)\. Guards", says)
    guards = re.search(r"Guards at L4(?:, .* has moved: (.*)\. A| would change nothing)", says)
    return {"window": window[1], "permissive": permissive[1], "guards": guards[1]}


def of_a_cycle(plan):
    (asked,) = [a for a in plan.acknowledgements if a.code == "PLAN01"]
    return asked.says


def of_peers(plan):
    (behind,) = plan.exclusions
    return behind.fix


def cycle(**options):
    guarded = [policy(f"p-{app}", app, "DENY", **DELETES) for app in "ab"]
    return [*shop("a", "b", **options), service("shop", "a"), service("shop", "b"), *guarded]


DELETES = {"to": [{"operation": {"methods": ["DELETE"]}}]}


def test_of_a_cycle_the_model_says_what_each_way_exposes():
    plan = planned(cycle(), ("a", "b"), ("b", "a"))
    found = ways(of_a_cycle(plan))

    assert found["window"] == NOTHING  # nobody calls but those who have stopped
    assert found["permissive"].startswith("opens 4 kinds of calls, the first outside callers")
    assert (
        "closes sidecar callers cluster.local/ns/shop/sa/b to Service/shop/a" in found["permissive"]
    )
    assert found["guards"].endswith("closes nothing")
    assert "for example DELETE /" in found["guards"]


def test_guards_that_admit_the_callers_open_nothing_where_l4_decides_alone():
    """What the HTTP-level policy asks, it asks of nobody who calls."""
    deny = {"from": [{"source": {"principals": ["cluster.local/ns/shop/sa/x"]}}], **DELETES}
    found = [
        *shop("a", "b", "x"),
        *(service("shop", app) for app in "ab"),
        *(policy(f"p-{app}", app, "DENY", **deny) for app in "ab"),
    ]
    assert ways(of_a_cycle(planned(found, ("a", "b"), ("b", "a"))))["guards"] == NOTHING


def test_a_window_refuses_those_who_go_on_calling():
    """Outside the mesh somebody does, where plain text is taken."""
    plan = planned(cycle(strict=False), ("a", "b"), ("b", "a"))
    found = ways(of_a_cycle(plan))

    assert found["window"].startswith("opens nothing; closes 2 kinds of calls, the first outside")
    assert found["permissive"].startswith("opens nothing")  # plain text is taken already


def test_what_stays_so_is_not_said_to_be_meanwhile():
    """Plain text is refused from each move on for good: that is PLAN04's, whichever way is taken."""
    plan = planned(cycle(strict=False), ("a", "b"), ("b", "a"))
    meanwhile = re.search(r"while they move it (.*)\. Other ways", of_a_cycle(plan))[1]

    assert "outside" not in meanwhile
    assert {a.code for a in plan.acknowledgements} >= {"PLAN01", "PLAN04"}


def test_another_exposure_is_another_thing_to_accept():
    """Only the first call is told in words; the digest is of all."""
    says = [
        of_a_cycle(planned(found, ("a", "b"), ("b", "a")))
        for found in (cycle(), [*cycle(), policy("more", "b", "DENY", **GET_ONLY)])
    ]
    digests = [re.findall(r"digest ([0-9a-f]{16})", one) for one in says]
    assert digests[0]
    assert digests[0] != digests[1]


@pytest.mark.parametrize(
    ("policies", "permissive"),
    [
        ([], "opens outside callers to the pods of Service/shop/a"),
        ([policy("allow", "a", "ALLOW", **B_ONLY)], "opens nothing; closes sidecar callers"),
    ],
)
def test_permissive_helps_a_headless_service_unless_policies_ask_for_identities(
    policies, permissive
):
    headless = service("shop", "a", headless=True, port="tcp")
    found = [*shop("a", "b"), headless, service("shop", "b"), *policies]
    plan = planned(found, ("b", "a"))
    told = ways(of_peers(plan))

    assert plan.exclusions[0].rules == ("AMB607",)
    assert "it meanwhile opens nothing; closes sidecar callers" in of_peers(plan)
    assert "for good it opens nothing; closes nothing" in of_peers(plan)
    assert told["permissive"].startswith(permissive)
    assert told["permissive"].endswith("closes nothing") != bool(policies)
    assert "closes sidecar callers" in told["window"]
    assert told["guards"] is None  # there is none that could admit more


def test_permissive_does_not_help_where_running_sidecars_are_not_told():
    """They send mutual TLS on, if the Service has HTTP ports only."""
    found = [*shop("a", "b"), service("shop", "a", headless=True), service("shop", "b")]
    told = ways(of_peers(planned(found, ("b", "a"))))

    assert "closes sidecar callers" in told["permissive"]


def test_what_no_waypoint_can_stand_for_is_lost_for_good():
    allow = policy("allow", "a", "ALLOW", **B_ONLY, **GET_ONLY)
    found = [*shop("a", "b"), service("shop", "a", headless=True), service("shop", "b"), allow]
    says = of_peers(planned(found, ("b", "a")))

    assert "for good it opens nothing; closes ambient callers cluster.local/ns/shop/sa/b" in says


def test_whoever_is_moved_all_the_same_moves_after_its_callers():
    found = [*shop("a", "b"), service("shop", "a", headless=True), service("shop", "b")]
    plan = planned(found, acknowledge=(Acknowledge(code="AMB607"),))
    moves = [step.target.name for _, _, step in plan.steps() if step.id.startswith("move.")]

    assert moves == ["b", "a"]


def test_those_that_are_alike_are_told_the_same_in_their_own_names():
    found = [
        one
        for home in ("team-1", "team-2")
        for one in (*shop("a", "b", home=home), service(home, "a", headless=True))
    ]
    first, second = planned(found).exclusions

    assert "Service/team-2/a" in second.fix
    assert second.fix == first.fix.replace("team-1", "team-2")


def test_ways_are_computed_as_far_as_a_bound_goes(monkeypatch):
    """Who comes after that is told so; the order is searched all the same."""
    found = [*shop("a", "b"), *(service("shop", app, headless=True) for app in "ab")]
    steps = len(planned(found, acknowledge=(Acknowledge(code="AMB607"),)).steps())
    monkeypatch.setattr("migrator.planner.ordering.ways_out._EFFORT", steps * (steps + 60))
    first, second = planned(found).exclusions
    assert "by the model" in first.fix
    assert "by the model" not in second.fix
    assert "too much of it" in second.fix

    monkeypatch.setattr("migrator.planner.ordering.ways_out._EFFORT", 0)
    says = of_a_cycle(planned(cycle(), ("a", "b"), ("b", "a")))
    assert "All orders of these 2 were compared" in says
    assert "too much of it" in says
