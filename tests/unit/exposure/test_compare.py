"""What a difference says: who, what, where, why; and what it leaves to people."""

import pytest

from migrator.exposure.calling import Caller
from migrator.exposure.compare import compare
from migrator.exposure.enforcing import FORGED
from migrator.exposure.state import Readiness
from migrator.istio import kinds
from migrator.model.resource import Ref

from . import lab
from .lab import C1, C2, ORDERS, STOCK, Run

GATEWAY = Ref(*kinds.GATEWAY, lab.NS, "waypoint")
ONLY = frozenset({lab.ORDERS_SERVICE})


def one_policy(**spec):
    """`orders` under one policy, and nothing else."""
    run = Run()
    run.drop_old()
    run.add(lab.policy("only", selector=lab.select("orders"), **spec))
    run.first = run.step()
    return run


def ambient(run, *names):
    for name in names or ("orders",):
        run.ambient(name)
    return run.step(restarted=[lab.ref(name) for name in names or ("orders",)])


def test_a_change_names_caller_request_policy_hop_and_both_ways():
    run = one_policy(action="DENY", rules=[lab.NO_DELETE])
    change, itself = compare(run.first, ambient(run), only=ONLY).opens

    assert (itself.caller, itself.principal) == (Caller.AMBIENT, lab.identity("orders"))
    assert (change.caller, change.principal) == (Caller.SIDECAR, lab.identity("c1"))
    assert change.alike
    assert (change.service, change.server) == (lab.ORDERS_SERVICE, ORDERS)
    assert (change.port, change.request) == (80, "DELETE /")
    assert change.policy.name == "only"
    assert change.hop == f"sidecar of {ORDERS}"
    assert change.why == (
        "it denies this: before sidecar callers pass the sidecar of Deployment/shop/orders, "
        "now sidecar callers pass the ztunnel of Deployment/shop/orders"
    )


def test_the_same_objects_in_other_meshes_are_no_difference():
    assert not compare(Run().state, Run().state)


def test_nobody_has_to_keep_to_a_call_graph_so_it_limits_closings_only():
    run = one_policy(action="ALLOW", rules=[lab.ALLOW_C1])
    after = ambient(run)
    for calls, closes in (
        ({}, True),
        ({ORDERS: frozenset({C2})}, False),
        ({ORDERS: frozenset({C1})}, True),
    ):
        assert bool(compare(run.first, after, only=ONLY, calls=calls).closes) is closes

    run = one_policy(action="DENY", rules=[lab.NO_DELETE])
    assert compare(run.first, ambient(run), only=ONLY, calls={ORDERS: frozenset()}).opens


def test_an_identity_that_no_workload_has_is_unknown():
    rule = {**lab.ALLOW_C1, "from": [{"source": {"principals": [lab.identity("elsewhere")]}}]}
    run = one_policy(action="ALLOW", rules=[rule])
    found = compare(run.first, ambient(run), only=ONLY)

    assert not found.closes
    assert {c.principal for c in found.unknown} == {lab.identity("elsewhere")}


def test_the_waypoints_own_identity_calls_for_others_only():
    run = one_policy(action="ALLOW", rules=[lab.ALLOW_WAYPOINT, lab.ALLOW_C1])
    run.waypoint()
    run.first = run.step()

    assert not compare(run.first, ambient(run), only=ONLY).unknown


def test_a_lost_custom_policy_opens_what_its_authorizer_refuses():
    run = one_policy(action="CUSTOM", provider={"name": "ext"}, rules=[{}])
    found = compare(run.first, ambient(run), only=ONLY)

    assert {c.request for c in found.opens} == {"GET /, which the authorizer ext refuses"}
    assert not found.closes


def test_tokens_are_told_apart_by_their_issuer_and_by_their_absence():
    run = one_policy(action="DENY", rules=[{"from": [{"source": {"notRequestPrincipals": ["*"]}}]}])
    spec = {"selector": lab.select("orders"), "jwtRules": [{"issuer": "https://issuer.example"}]}
    run.add({**lab.policy("tokens", **spec), "kind": "RequestAuthentication"})
    run.first = run.step()
    found = compare(run.first, ambient(run), only=ONLY)

    assert {(c.policy.name, c.request) for c in found.opens} == {
        ("only", "GET /, without token"),
        ("tokens", "GET /, with a token of unmatched/unmatched"),
    }


def test_a_token_that_nobody_signed_is_refused_where_tokens_are_looked_at():
    run = one_policy(action="ALLOW", rules=[{}])
    spec = {"selector": lab.select("orders"), "jwtRules": [{"issuer": "https://issuer.example"}]}
    run.add({**lab.policy("tokens", **spec), "kind": "RequestAuthentication"})
    run.first = run.step()
    found = compare(run.first, ambient(run), only=ONLY)

    assert {(c.policy.name, c.request) for c in found.opens} == {
        ("tokens", f"GET /, with {FORGED}")
    }


def test_a_waypoint_takes_the_token_out_that_the_sidecar_behind_asks_for():
    run = one_policy(action="ALLOW", rules=[{"from": [{"source": {"requestPrincipals": ["*"]}}]}])
    run.waypoint()
    run.bind()
    jwt = {"issuer": "https://issuer.example"}
    for name, where in (
        ("at-pods", {"selector": lab.select("orders")}),
        ("at-waypoint", {"targetRefs": [{"group": "", "kind": "Service", "name": "orders"}]}),
    ):
        body = lab.policy(name, jwtRules=[jwt], **where)
        run.add({**body, "kind": "RequestAuthentication"})
    run.first = run.step()
    after = ambient(run, "c1")
    (change,) = compare(run.first, after, only=ONLY).closes
    assert change.request == "GET /, with a token of https://issuer.example/unmatched"

    run.objects["RequestAuthentication/at-waypoint"]["spec"]["jwtRules"] = [
        {**jwt, "forwardOriginalToken": True}
    ]
    assert not compare(run.first, run.step(), only=ONLY).closes


def tcp(run):
    run.objects["Service/orders"]["spec"]["ports"][0]["name"] = "tcp"
    run.first = run.step()
    return run


def test_on_a_tcp_port_a_sidecar_drops_what_needs_http_too():
    """A DENY then denies more, and ztunnel's less opens the connection."""
    run = tcp(one_policy(action="DENY", rules=[lab.NO_DELETE]))
    opens = compare(run.first, ambient(run), only=ONLY).opens
    assert {c.request for c in opens} == {"a connection"}

    run = tcp(one_policy(action="ALLOW", rules=[lab.ALLOW_C1]))
    assert not compare(run.first, ambient(run), only=ONLY)


def test_a_port_without_protocol_is_looked_at_both_ways():
    run = one_policy(action="DENY", rules=[lab.NO_DELETE])
    run.objects["Service/orders"]["spec"]["ports"][0]["name"] = "main"
    run.first = run.step()

    found = {c.request for c in compare(run.first, ambient(run), only=ONLY).opens}
    assert found == {"DELETE /", "a connection"}


def test_another_protocol_cannot_be_compared():
    run = Run()
    run.objects["Service/orders"]["spec"]["ports"][0]["name"] = "tcp"
    (change,) = compare(run.first, run.step(), only=ONLY).unknown

    assert "protocol" in change.why


def test_plaintext_that_a_guard_refuses_closes_for_callers_outside():
    run = Run()
    run.drop_old()
    run.objects["PeerAuthentication/default"]["spec"]["mtls"]["mode"] = "PERMISSIVE"
    run.first = run.step()
    run.guard_by_denial()
    found = compare(run.first, ambient(run), only=ONLY)

    assert {(c.caller, c.principal) for c in found.closes if c.caller is Caller.OUTSIDE} == {
        (Caller.OUTSIDE, "")
    }


def test_strict_that_is_given_up_opens_for_callers_outside():
    run = Run()
    run.drop_old()
    run.first = run.step()
    run.objects["PeerAuthentication/default"]["spec"]["mtls"]["mode"] = "PERMISSIVE"
    (change,) = compare(run.first, run.step(), only=ONLY).opens

    assert change.caller is Caller.OUTSIDE
    assert change.policy.name == "default"


def test_an_address_that_nobody_knows_behind_a_waypoint_is_unknown_with_its_reason():
    rule = {"from": [{"source": {"ipBlocks": ["10.0.0.0/8"]}}]}
    run = one_policy(action="DENY", rules=[rule])
    run.waypoint()
    run.bind()
    run.first = run.step()
    found = compare(run.first, ambient(run, "c1"), only=ONLY)

    assert (found.opens, found.closes) == ((), ())
    assert {c.why.partition(":")[0] for c in found.unknown} == {
        "it asks for source.ip, which is not known here"
    }


def test_a_waypoint_that_loses_its_address_opens_what_only_it_enforced():
    run = Run()
    run.drop_old()
    run.waypoint()
    run.copies()
    run.bind()
    before = ambient(run, "orders", "c1")
    after = run.step(waypoints={GATEWAY: Readiness.ABSENT})

    assert {c.principal for c in compare(before, after, only=ONLY).opens} == {
        lab.identity("c1"),
        lab.identity("orders"),  # ambient too; c2's sidecar never was behind the waypoint
    }
    down = run.step(waypoints={GATEWAY: Readiness.DOWN})
    found = compare(before, down, only=ONLY)
    assert {c.why.partition(":")[0] for c in found.closes} == {
        f"the waypoint {GATEWAY} has no pods"
    }
    assert not found.opens


def test_a_policy_narrowed_to_sidecars_protects_a_gateway_no_more():
    run = Run()
    body = lab.workload("edge")
    body["spec"]["template"]["metadata"]["labels"]["istio"] = "ingressgateway"
    run.add(body, lab.service("edge"))
    rule = {"to": [{"operation": {"paths": ["/internal*"]}}]}
    run.add(lab.policy("edge", selector=lab.select("edge"), action="DENY", rules=[rule]))
    before = run.step(restarted=[lab.ref("edge")])
    run.objects["AuthorizationPolicy/edge"]["spec"]["selector"] = lab.select(
        "edge", **{lab.TLS: "istio"}
    )

    opens = compare(before, run.step()).opens
    assert (Caller.OUTSIDE, "GET /internal", "gateway of Deployment/shop/edge") in {
        (c.caller, c.request, c.hop) for c in opens
    }


def test_pods_are_reached_by_their_address_on_ports_that_only_policies_name():
    run = Run()
    rule = {"to": [{"operation": {"ports": ["9090"], "methods": ["POST"]}}]}
    run.drop_old()
    run.add(lab.policy("admin", selector=lab.select("orders"), action="DENY", rules=[rule]))
    run.waypoint()
    run.bind()
    run.first = run.step()
    found = compare(run.first, ambient(run), only=frozenset({ORDERS}))

    assert {(c.port, c.direct) for c in found.closes if c.service is None} == {(9090, True)}


def test_one_ambient_pod_behind_a_headless_service_takes_mutual_tls_from_all():
    """Sidecars have one cluster for all of its endpoints; STRICT then refuses them at each."""
    run = Run()
    run.drop_old()
    run.first = run.step()
    run.ambient("orders")
    rolling = run.step(rolling=[ORDERS])
    closes = compare(run.first, rolling, only=frozenset({ORDERS})).closes
    assert {c.service.name for c in closes} == {"orders-h"}
    assert {c.why.partition(":")[0] for c in closes} == {"plaintext is refused"}
    assert {str(c.caller) for c in closes} == {"sidecar"}


def test_sidecars_that_run_are_not_understood_by_ambient_pods_behind_a_headless_service():
    """All of its ports are HTTP: they are not told, and PERMISSIVE does not help."""
    run = Run()
    run.drop_old()
    run.objects["PeerAuthentication/default"]["spec"]["mtls"]["mode"] = "PERMISSIVE"
    run.first = run.step()
    run.ambient("orders")
    closes = compare(run.first, run.step(rolling=[ORDERS]), only=frozenset({ORDERS})).closes
    assert {c.service.name for c in closes} == {"orders-h"}
    lost = "mutual TLS is sent to pods that do not take it"
    assert {c.why.partition(":")[0] for c in closes} == {lost}
    assert {str(c.caller) for c in closes} == {"sidecar"}


def test_only_what_is_asked_for_is_looked_at():
    run = Run()
    run.drop_old()
    after = run.step()

    assert {c.server for c in compare(run.first, after, only=frozenset({STOCK})).opens} == {STOCK}
    assert {c.server for c in compare(run.first, after).opens} == {ORDERS, STOCK}


@pytest.mark.parametrize("size", [3, 40])
def test_many_combinations_are_looked_at_one_field_after_the_other_and_said_to_be(size):
    """Beyond the limit an answer that found nothing is not complete, and says so."""
    whens = [
        {"key": f"request.headers[h{n}]", "values": [f"v{v}" for v in range(size)]}
        for n in range(3)
    ]
    run = one_policy(action="DENY", rules=[{"when": [when]} for when in whens])
    found = compare(run.first, ambient(run), only=ONLY)

    assert found.opens
    incomplete = [c for c in found.unknown if "combinations" in c.why]
    assert bool(incomplete) is (size == 40)
