"""Decisions of the planner, one by one."""

from dataclasses import replace

import pytest

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.finding import Remedy
from migrator.model.snapshot import Snapshot
from migrator.planner import PlanOptions, make_plan
from migrator.planner.decisions.calls import parse_calls
from migrator.planner.decisions.handled import HANDLED, PREPARED
from migrator.planner.file.planfile import load
from migrator.planner.options import Acknowledge
from migrator.rules import all_rules, analyze
from tests.property.meshes import resource, service, workload

MESH = {"labels": {"istio-injection": "enabled"}}
WAYPOINT = "cluster.local/ns/shop/sa/waypoint"


def plan(found, **options):
    mesh = Mesh(Snapshot(found))
    return make_plan(mesh, analyze(mesh, all_rules()), PlanOptions(**options))


def ids(made):
    return [step.id for _, _, step in made.steps()]


def step(made, name):
    return next(s for _, _, s in made.steps() if s.id == name)


def namespace(name, **labels):
    return resource(
        kinds.NAMESPACE, "", name, metadata={"labels": {"istio-injection": "enabled", **labels}}
    )


def policy(name, spec, home="shop"):
    return resource(kinds.AUTHORIZATION_POLICY, home, name, spec=spec)


def deny_delete(app):
    rules = [{"to": [{"operation": {"methods": ["DELETE"]}}]}]
    return {"selector": {"matchLabels": {"app": app}}, "action": "DENY", "rules": rules}


def shop(*apps):
    return [
        namespace("shop"),
        *(workload(kinds.DEPLOYMENT, "shop", app, {}) for app in apps),
        *(service("shop", app) for app in apps),
    ]


def test_every_automatic_remedy_is_carried_out_by_the_plan():
    """What a finding promises is what the planner does, and the other way round."""
    automatic = {rule.id() for rule in all_rules() if rule.remedy is Remedy.AUTOMATIC}

    assert automatic - HANDLED.keys() == set()
    assert (HANDLED.keys() | PREPARED.keys()) - {rule.id() for rule in all_rules()} == set()


def test_what_prepare_puts_right_does_not_stop_the_plan():
    """A mesh without ambient is where every migration begins: an instruction and a gate, no refusal."""
    config = resource(kinds.CONFIG_MAP, "istio-system", "istio")
    body = {**config.body, "data": {"mesh": "trustDomain: cluster.local\n"}}
    strict = resource(
        kinds.PEER_AUTHENTICATION, "istio-system", "default", spec={"mtls": {"mode": "STRICT"}}
    )
    made = plan([*shop("a", "b"), replace(config, body=body), strict])
    found = {
        f.rule
        for f in analyze(
            Mesh(Snapshot([*shop("a"), replace(config, body=body), strict])), all_rules()
        )
    }

    assert "hbone-env-missing" in found
    assert made.blockers == ()
    assert "AMB019" in step(made, "prepare.istiod").rules
    assert "ConfigMap/istio-system/istio" in step(made, "prepare.istiod").instruction


def test_a_namespace_without_http_policy_flips_its_label():
    """One patch, then restarts; no waypoint, no guard."""
    made = plan(shop("a", "b"))

    assert [s.mode for s in made.scope] == ["namespace"]
    assert ids(made)[-3:] == ["flip.shop", "move.shop.deployment.a", "move.shop.deployment.b"]
    assert step(made, "flip.shop").labels == {
        "istio.io/dataplane-mode": "ambient",
        "istio-injection": None,
    }
    assert made.waypoints == ()


def test_a_neighbour_on_the_nodes_network_is_named_with_its_fate():
    spec = {
        "selector": {"matchLabels": {"app": "agent"}},
        "template": {
            "metadata": {"labels": {"app": "agent"}},
            "spec": {"hostNetwork": True, "containers": [{"name": "app", "image": "agent:1"}]},
        },
    }
    made = plan([*shop("web"), resource(kinds.DAEMON_SET, "shop", "agent", spec=spec)])
    (named,) = made.exclusions

    assert (named.target.kind, named.target.name) == ("DaemonSet", "agent")
    assert "node's network" in named.reason
    assert not [name for name in ids(made) if "agent" in name]


def test_a_workload_that_its_label_keeps_out_of_ambient_keeps_its_sidecar():
    """It would be in neither data plane; nobody takes the label away, and the namespace is not flipped."""
    labels = {"istio.io/dataplane-mode": "none"}
    made = plan([*shop("web"), workload(kinds.DEPLOYMENT, "shop", "batch", labels)])
    (named,) = made.exclusions

    assert (named.target.name, named.rules) == ("batch", ("AMB311",))
    assert "keeps its sidecar" in named.reason
    assert not [name for name in ids(made) if "batch" in name or name.startswith("flip.")]
    assert step(made, "move.shop.deployment.web").labels["istio.io/dataplane-mode"] == "ambient"


def test_a_guarded_server_keeps_its_policies_until_its_callers_have_moved():
    """Unknown callers: everybody else first, then guard, narrowing, move."""
    made = plan([*shop("a", "b"), policy("no-delete", deny_delete("a"))])
    order = ids(made)

    assert order.index("move.shop.deployment.b") < order.index("guard.shop.deployment.a")
    assert order.index("guard.shop.deployment.a") < order.index("narrow.shop.no-delete")
    assert order.index("narrow.shop.no-delete") < order.index("move.shop.deployment.a")
    assert "contract.delete.authorizationpolicy.shop.no-delete" in order
    assert any("unknown" in said for said in made.assumptions)


def test_deny_only_servers_get_no_allow():
    """An ALLOW beside a DENY-only workload would refuse everybody else."""
    made = plan([*shop("a"), policy("no-delete", deny_delete("a"))])

    assert not any(i.startswith("expand.allow.") for i in ids(made))


def test_an_allow_for_the_waypoint_comes_before_the_binding():
    """The server's sidecar would refuse the waypoint's identity."""
    allow = {
        "selector": {"matchLabels": {"app": "a"}},
        "rules": [
            {
                "from": [{"source": {"principals": ["cluster.local/ns/shop/sa/b"]}}],
                "to": [{"operation": {"methods": ["GET"]}}],
            }
        ],
    }
    made = plan([*shop("a", "b"), policy("reads", allow)])
    order = ids(made)
    name = "expand.allow.shop.authorizationpolicy.allow-waypoint-a"

    assert order.index(name) < order.index("bind.shop.a")
    assert step(made, name).manifest["spec"]["rules"] == [
        {"from": [{"source": {"principals": [WAYPOINT]}}]}
    ]
    assert not any("unknown" in said for said in made.assumptions)


def test_a_policy_that_protects_a_gateway_too_is_never_narrowed_nor_deleted():
    """Gateways lack the label that sidecars have: a narrowed policy would let everything pass there."""
    gateway = workload(kinds.DEPLOYMENT, "shop", "edge", {"istio": "ingressgateway", "tier": "x"})
    server = workload(kinds.DEPLOYMENT, "shop", "a", {"tier": "x"})
    spec = {**deny_delete("a"), "selector": {"matchLabels": {"tier": "x"}}}
    made = plan([namespace("shop"), gateway, server, service("shop", "a"), policy("p", spec)])

    assert "guard.shop.deployment.a" in ids(made)
    assert "narrow.shop.p" not in ids(made)
    assert not any(i.startswith("contract.delete.") for i in ids(made))


def test_a_policy_that_protects_an_ambient_workload_too_is_never_narrowed_nor_deleted():
    """ztunnel refuses everything there by an ALLOW that it cannot read; narrowed, it would let all pass."""
    labels = {"tier": "x"}
    server = workload(kinds.DEPLOYMENT, "shop", "a", labels)
    today = workload(kinds.DEPLOYMENT, "new", "b", labels)
    home = resource(
        kinds.NAMESPACE, "", "new", metadata={"labels": {"istio.io/dataplane-mode": "ambient"}}
    )
    rules = [{"to": [{"operation": {"methods": ["GET"]}}]}]
    spec = {"selector": {"matchLabels": labels}, "rules": rules}
    made = plan(
        [
            namespace("shop"),
            home,
            server,
            today,
            service("shop", "a"),
            policy("p", spec, "istio-system"),
        ]
    )

    assert "guard.shop.deployment.a" in ids(made)
    assert "narrow.istio-system.p" not in ids(made)
    assert not any(i.startswith("contract.delete.") for i in ids(made))


def test_a_policy_for_some_pods_of_a_service_leaves_them_behind():
    """A waypoint cannot tell two versions behind one Service apart."""
    both = [workload(kinds.DEPLOYMENT, "shop", name, {"tier": "x"}) for name in ("a", "b")]
    front = resource(
        kinds.SERVICE,
        "shop",
        "all",
        spec={"selector": {"tier": "x"}, "ports": [{"name": "http", "port": 80}]},
    )
    made = plan([namespace("shop"), *both, front, policy("p", deny_delete("a"))])

    assert [e.target.name for e in made.exclusions] == ["a"]
    assert "Service all" in made.exclusions[0].reason


def test_protection_without_a_service_stays_behind():
    """No waypoint can stand in front of pods that no cluster IP leads to."""
    made = plan(
        [
            namespace("shop"),
            workload(kinds.DEPLOYMENT, "shop", "a", {}),
            policy("p", deny_delete("a")),
        ]
    )

    assert [e.target.name for e in made.exclusions] == ["a"]
    assert made.phases == ()


def test_an_accepted_blocker_is_named_where_it_may_open_something():
    """Nothing is called closed that a person took on."""
    fence = resource(
        kinds.SIDECAR, "shop", "default", spec={"outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}}
    )
    behind = plan([*shop("a"), fence])
    accepted = plan([*shop("a"), fence], acknowledge=(Acknowledge(code="registry-only"),))
    opens = [
        said for phase in accepted.phases for wave in phase.waves for said in wave.exposure.accepted
    ]

    assert [e.target.name for e in behind.exclusions] == ["a"]
    assert any("AMB244" in said for said in opens)


def test_what_an_owner_suppressed_is_seen_by_the_reviewer():
    """An annotation on an object is no secret way past the plan."""
    fence = resource(
        kinds.SIDECAR, "shop", "default", spec={"outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}}
    )
    mesh = Mesh(Snapshot([*shop("a"), fence]))
    found = analyze(mesh, all_rules())
    hidden = tuple((f, "a test system") for f in found if f.subject == fence.ref)
    rest = tuple(f for f in found if f.subject != fence.ref)
    made = make_plan(mesh, rest, PlanOptions(), hidden)

    assert any(a.acknowledged and "a test system" in a.says for a in made.acknowledgements)
    opens = [
        said for phase in made.phases for wave in phase.waves for said in wave.exposure.accepted
    ]
    assert any("AMB244" in said for said in opens)


def test_a_caller_left_behind_must_be_accepted():
    """Its calls to the guarded server will be refused for good."""
    stuck = workload(kinds.POD, "shop", "old", {})
    made = plan([*shop("a"), stuck, policy("p", deny_delete("a"))])
    (asked,) = [a for a in made.acknowledgements if a.code == "PLAN02"]

    assert "Pod/shop/old" in asked.says
    assert any("PLAN02" in said for said in made.refusals())
    accepted = plan(
        [*shop("a"), stuck, policy("p", deny_delete("a"))],
        acknowledge=(Acknowledge(code="PLAN02"),),
    )
    assert not any("PLAN02" in said for said in accepted.refusals())


def test_a_complete_call_graph_makes_the_order():
    """a calls b, b calls c: each server after its callers, nobody waits for strangers."""
    graph = parse_calls(
        {
            "complete": True,
            "calls": [
                {
                    "from": {"namespace": "shop", "name": "a"},
                    "to": {"namespace": "shop", "service": "b"},
                },
                {
                    "from": {"namespace": "shop", "name": "b"},
                    "to": {"namespace": "shop", "service": "c"},
                },
            ],
        }
    )
    found = [*shop("a", "b", "c"), *(policy(f"p-{app}", deny_delete(app)) for app in "bc")]
    order = ids(plan(found, calls=graph))

    moves = [i for i in order if i.startswith("move.")]
    assert moves == [f"move.shop.deployment.{app}" for app in "abc"]


def test_servers_that_may_call_each_other_say_what_is_refused():
    """A cycle has no order without refusals: it must be accepted."""
    made = plan([*shop("a", "b"), policy("p", deny_delete("a")), policy("q", deny_delete("b"))])

    (asked,) = [a for a in made.acknowledgements if a.code == "PLAN01"]
    assert all(way in asked.says for way in ("A window,", "PERMISSIVE for", "Guards at L4,"))
    assert any(wave.exposure.closes for phase in made.phases for wave in phase.waves)


def test_revisions_are_written_on_gateways_before_the_namespace_loses_its_own():
    """Else another istiod, or none, takes the Gateway over."""
    edge = resource(
        kinds.GATEWAY, "shop", "edge", spec={"gatewayClassName": "istio", "listeners": []}
    )
    home = resource(kinds.NAMESPACE, "", "shop", metadata={"labels": {"istio.io/rev": "canary"}})
    made = plan([home, workload(kinds.DEPLOYMENT, "shop", "a", {}), edge])
    order = ids(made)

    assert order.index("revision.shop.edge") < order.index("flip.shop")
    assert step(made, "revision.shop.edge").labels == {"istio.io/rev": "canary"}


def test_a_mesh_wide_policy_gets_one_twin_for_the_class():
    """Waypoints read no selector policy, not even the root namespace's deny-all."""
    made = plan(
        [*shop("a"), policy("deny-all", {}, home="istio-system"), policy("p", deny_delete("a"))]
    )
    twin = step(made, "expand.copy.istio-system.authorizationpolicy.deny-all-waypoint")

    assert twin.manifest["spec"]["targetRefs"][0]["kind"] == "GatewayClass"


def test_an_existing_waypoint_is_not_bound_by_a_twin_for_the_class():
    """A copy for the class would deny everything at waypoints that serve others already."""
    other = resource(
        kinds.GATEWAY,
        "infra",
        "waypoint",
        spec={"gatewayClassName": "istio-waypoint", "listeners": []},
    )
    made = plan(
        [
            *shop("a"),
            other,
            policy("deny-all", {}, home="istio-system"),
            policy("p", deny_delete("a")),
        ]
    )
    twin = step(made, "expand.copy.shop.authorizationpolicy.deny-all-waypoint")

    assert twin.manifest["spec"]["targetRefs"] == [{"group": "", "kind": "Service", "name": "a"}]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[1, 2]", "not a plan of this version"),
        ("schema: migrate/plan/v1\n", "Field required"),
        ("a: [", "not YAML"),
        ("[" * 200_000, "nested too deeply"),
        ("- " * 200_000, "nested too deeply"),
    ],
)
def test_what_is_no_plan_file_is_told_so(text, says):
    """Never a traceback, always the field."""
    with pytest.raises(ValueError, match=says):
        load(text)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (None, "valid dictionary"),
        ({"calls": [{"from": {"name": "a"}}]}, "calls.0.to"),
        ({"calls": [], "extra": 1}, "extra"),
    ],
)
def test_what_is_no_call_graph_is_told_so(data, says):
    """The field and what it wants."""
    with pytest.raises(ValueError, match=says):
        parse_calls(data)
