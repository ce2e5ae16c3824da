"""Single facts of the packet lab, as verdicts."""

import pytest

from migrator.exposure.calling import Caller
from migrator.exposure.state import Pods, Readiness, State
from migrator.exposure.verdict import Answer, Request, verdicts
from migrator.istio import kinds
from migrator.istio.pods.dataplane import Mode
from migrator.model.resource import Ref

from . import lab

GATEWAY = Ref(*kinds.GATEWAY, lab.NS, "waypoint")
ELSEWHERE = Ref(*kinds.SERVICE, lab.NS, "elsewhere")


def ask(state, caller, name="c1", service="orders", **more):
    """The answers to one request, `GET /ok/1` unless said otherwise."""
    wanted = {"method": "GET", "path": "/ok/1", "port": 80, **more}
    principal = lab.identity(name) if name else ""
    request = Request(caller, Ref(*kinds.SERVICE, lab.NS, service), principal=principal, **wanted)
    return {str(v.answer) for v in verdicts(state, request)}


def test_sidecars_enforce_the_old_policies():
    run = lab.Run()

    assert ask(run.state, Caller.SIDECAR) == {"allowed"}
    assert ask(run.state, Caller.SIDECAR, method="DELETE") == {"denied"}
    assert ask(run.state, Caller.SIDECAR, path="/no") == {"denied"}
    assert ask(run.state, Caller.SIDECAR, "c2") == {"denied"}
    assert ask(run.state, Caller.SIDECAR, "c2", "stock") == {"allowed"}
    assert ask(run.state, Caller.OUTSIDE, "", "stock") == {"denied"}


def with_policy(spec, *, ambient=True):
    """`orders` under one policy only, ambient or with a sidecar."""
    run = lab.Run()
    run.drop_old()
    run.add(lab.policy("only", selector=lab.select("orders"), **spec))
    if ambient:
        run.ambient("orders")
    return run.step(restarted=[lab.ORDERS])


FROM_SHOP = {"from": [{"source": {"namespaces": ["shop"]}}]}


@pytest.mark.parametrize(
    ("spec", "get", "delete", "c2"),
    [
        ({"action": "DENY", "rules": [lab.NO_DELETE]}, "allowed", "allowed", "allowed"),
        (
            {"action": "DENY", "rules": [{"to": [{"operation": {"paths": ["/ok*"]}}]}]},
            "allowed", "allowed", "allowed",
        ),
        (
            {"action": "DENY", "rules": [
                {"to": [{"operation": {"ports": ["8080"], "methods": ["DELETE"]}}]}]},
            "denied", "denied", "denied",
        ),
        ({"action": "ALLOW", "rules": [lab.ALLOW_C1]}, "denied", "denied", "denied"),
        (
            {"action": "ALLOW", "rules": [
                lab.ALLOW_C1, {"from": [{"source": {"principals": [lab.identity("c1")]}}]}]},
            "allowed", "allowed", "denied",
        ),
        ({"action": "CUSTOM", "provider": {"name": "ext"}, "rules": [{}]}, "allowed", "allowed", "allowed"),
        ({"action": "AUDIT", "rules": [{}]}, "allowed", "allowed", "allowed"),
        ({"action": "ALLOW"}, "denied", "denied", "denied"),
        ({"action": "ALLOW", "rules": [{}]}, "allowed", "allowed", "allowed"),
        ({"action": "DENY", "rules": [FROM_SHOP]}, "denied", "denied", "denied"),
    ],
    ids=[
        "deny namespaces and methods", "deny paths", "deny port and methods", "allow with methods",
        "allow with a pure rule beside", "custom", "audit", "allow nothing", "allow all", "deny at L4",
    ],
)  # fmt: skip
def test_ztunnel_enforces_what_the_lab_saw(spec, get, delete, c2):
    state = with_policy(spec)
    refusing = {"refused_by": frozenset({"ext"})}

    assert ask(state, Caller.AMBIENT, **refusing) == {get}
    assert ask(state, Caller.AMBIENT, method="DELETE", **refusing) == {delete}
    assert ask(state, Caller.AMBIENT, "c2", **refusing) == {c2}


def test_a_sidecar_asks_the_authorizer_of_a_custom_policy():
    spec = {"action": "CUSTOM", "provider": {"name": "ext"}, "rules": [{}]}
    state = with_policy(spec, ambient=False)

    assert ask(state, Caller.SIDECAR, refused_by=frozenset({"ext"})) == {"denied"}
    assert ask(state, Caller.SIDECAR) == {"allowed"}


def bound(*ambient):
    """The copies bound, and these workloads ambient."""
    run = lab.Run()
    run.drop_old()
    run.waypoint()
    run.copies()
    run.bind()
    for name in ambient:
        run.ambient(name)
    run.step(restarted=[lab.ref(name) for name in ambient])
    return run


@pytest.mark.parametrize(
    ("caller", "name", "asked", "answer"),
    [
        (Caller.AMBIENT, "c1", {}, "allowed"),
        (Caller.AMBIENT, "c1", {"method": "DELETE"}, "denied"),
        (Caller.AMBIENT, "c1", {"path": "/no"}, "denied"),
        (Caller.AMBIENT, "c2", {}, "denied"),
        (Caller.SIDECAR, "s1", {"method": "DELETE"}, "allowed"),
        (Caller.SIDECAR, "s1", {"path": "/no"}, "allowed"),
        (Caller.GATEWAY, "c1", {"path": "/no"}, "allowed"),
        (Caller.OUTSIDE, "", {}, "denied"),
    ],
)
def test_a_waypoint_serves_ambient_callers_only(caller, name, asked, answer):
    assert ask(bound("orders").state, caller, name, **asked) == {answer}


def test_a_gateway_takes_the_waypoint_where_the_service_says_so():
    run = bound("orders")
    run.label("Service/orders", **{"istio.io/ingress-use-waypoint": "true"})

    assert ask(run.step(), Caller.GATEWAY, "c1", path="/no") == {"denied"}
    assert ask(run.state, Caller.GATEWAY, "c1") == {"allowed"}
    assert ask(run.state, Caller.SIDECAR, "c1", path="/no") == {"allowed"}


def test_a_binding_to_a_gateway_that_is_not_there_is_passed_by():
    run = bound("orders")
    run.drop("Gateway/waypoint")

    assert ask(run.step(), Caller.AMBIENT, method="DELETE") == {"allowed"}


def test_a_waypoint_without_pods_refuses_and_one_without_address_is_passed_by():
    run = bound("orders")
    for readiness, answer in ((Readiness.DOWN, "denied"), (Readiness.ABSENT, "allowed")):
        state = run.step(waypoints={GATEWAY: readiness})
        assert ask(state, Caller.AMBIENT, method="DELETE") == {answer}
    assert ask(run.step(waypoints={}), Caller.AMBIENT) == {"allowed"}


def test_a_waypoint_scaled_to_zero_and_one_whose_status_has_no_address():
    run = bound("orders")
    body = lab.workload("waypoint")
    labels = body["spec"]["template"]["metadata"]["labels"]
    labels["gateway.networking.k8s.io/gateway-class-name"] = "istio-waypoint"
    body["spec"]["replicas"] = 0
    run.add(body)
    assert ask(run.step(), Caller.AMBIENT) == {"denied"}

    run.objects["Gateway/waypoint"]["status"] = {"conditions": []}
    assert ask(run.step(), Caller.AMBIENT, method="DELETE") == {"allowed"}


def test_a_waypoint_that_admits_others_only_is_passed_by():
    run = bound("orders")
    run.objects["Gateway/waypoint"]["metadata"]["labels"]["istio.io/waypoint-for"] = "workload"

    assert ask(run.step(), Caller.AMBIENT, method="DELETE") == {"allowed"}


def test_the_namespace_label_captures_pods_without_a_sidecar_at_once_and_lets_them_go_at_once():
    run = lab.Run()
    run.drop_old()
    run.no_injection()
    run.step(restarted=[lab.ORDERS])
    assert ask(run.state, Caller.OUTSIDE, "") == {"allowed"}

    run.namespace_ambient()
    assert ask(run.step(), Caller.OUTSIDE, "") == {"denied"}
    run.label("Namespace/shop", **{lab.MODE: None})
    assert ask(run.step(), Caller.OUTSIDE, "") == {"allowed"}


def test_a_pod_labelled_none_is_not_captured():
    run = lab.Run()
    run.drop_old()
    run.no_injection()
    run.template("orders", **{lab.MODE: "none"})
    run.step(restarted=[lab.ORDERS])
    run.namespace_ambient()

    assert ask(run.step(), Caller.OUTSIDE, "") == {"allowed"}


def test_a_sidecar_keeps_its_pod_out_of_capture():
    run = lab.Run()
    run.namespace_ambient()

    assert ask(run.step(), Caller.SIDECAR, method="DELETE") == {"denied"}


@pytest.mark.parametrize(("mode", "answer"), [("STRICT", "denied"), ("PERMISSIVE", "allowed")])
def test_an_ambient_caller_sends_plaintext_to_a_sidecar_without_hbone(mode, answer):
    run = lab.Run()
    run.drop_old()
    run.objects["PeerAuthentication/default"]["spec"]["mtls"]["mode"] = mode
    state = run.step()
    old = frozenset({Pods(Mode.SIDECAR, (("app", "orders"), (lab.TLS, "istio")))})
    without = State(state.mesh, {**state.pods, lab.ORDERS: old})

    assert ask(without, Caller.AMBIENT) == {answer}
    assert ask(state, Caller.AMBIENT) == {"allowed"}


def test_in_the_middle_of_a_rollout_both_generations_answer():
    run = lab.Run()
    run.ambient("orders")

    assert ask(run.step(rolling=[lab.ORDERS]), Caller.SIDECAR) == {"allowed", "denied"}


def test_a_pod_that_is_being_captured_gets_no_traffic():
    run = lab.Run()
    pods = frozenset({Pods(Mode.PENDING, ())})
    state = State(run.state.mesh, {lab.ORDERS: pods})

    assert ask(state, Caller.SIDECAR) == {"denied"}


def test_what_the_model_does_not_know_it_says():
    run = lab.Run()
    pods = frozenset({Pods(Mode.PROXYLESS, ())})
    request = Request(Caller.SIDECAR, Ref(*kinds.SERVICE, lab.NS, "orders"), 80)
    (verdict,) = verdicts(State(run.state.mesh, {lab.ORDERS: pods}), request)

    assert verdict.answer is Answer.UNKNOWN
    assert "proxyless" in verdict.why
    (verdict,) = verdicts(run.state, Request(Caller.SIDECAR, ELSEWHERE, 80))
    assert verdict.answer is Answer.UNKNOWN
    assert "not in the source" in verdict.why
