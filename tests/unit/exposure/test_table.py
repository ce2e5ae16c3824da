"""The exposure table: who enforces which policy for whom."""

import pytest

from migrator.exposure.table import table
from migrator.istio import kinds
from migrator.model.resource import Ref

from . import lab
from .lab import C1, C2, ORDERS, Run

SENDERS = ("sidecar", "ambient", "gateway", "outside")


def rows(state, name, kind=kinds.AUTHORIZATION_POLICY):
    """(caller, by, how) of a policy at `orders`, by the Service."""
    wanted = Ref(*kind, lab.NS, name)
    only = frozenset({lab.ORDERS_SERVICE})
    return {
        (str(r.caller), r.by, str(r.enforcement))
        for r in table(state, only=only)
        if r.policy == wanted
    }


def everybody(by, how):
    return {(caller, by, how) for caller in SENDERS}


def ambient(*, guard=True):
    """`orders` and its callers ambient behind the waypoint, the old policies left in force on all pods."""
    run = Run()
    run.waypoint()
    run.copies()
    run.bind()
    for name in ("orders", "c1", "c2"):
        run.ambient(name)
    if guard:
        run.guard_by_denial()
    run.step(restarted=[ORDERS, C1, C2])
    return run


def test_sidecars_enforce_for_everybody():
    state = Run().state

    assert rows(state, "orders-deny") == everybody("sidecar", "faithful")
    assert rows(state, "default", kinds.PEER_AUTHENTICATION) == everybody("sidecar", "faithful")


def test_ztunnel_enforces_nothing_of_what_needs_http():
    state = ambient().state

    lost = {(caller, "ztunnel", "narrower") for caller in SENDERS if caller != "outside"}
    nothing_asked = {("outside", "ztunnel", "faithful")}  # both policies speak of identities
    assert rows(state, "orders-deny") == lost | nothing_asked
    assert rows(state, "orders-allow") == lost | nothing_asked
    assert rows(state, "default", kinds.PEER_AUTHENTICATION) == everybody("ztunnel", "faithful")


def test_a_waypoint_enforces_for_ambient_callers_only():
    others = {(caller, "", "none") for caller in SENDERS if caller != "ambient"}

    assert rows(ambient().state, "orders-deny-wp") == {("ambient", "waypoint", "faithful"), *others}


def test_a_gateway_that_takes_the_waypoint_is_enforced_upon_too():
    run = ambient()
    run.label("Service/orders", **{"istio.io/ingress-use-waypoint": "true"})

    assert ("gateway", "waypoint", "faithful") in rows(run.step(), "orders-deny-wp")


@pytest.mark.parametrize("name", ["c1", "namespaces"])
def test_behind_a_waypoint_the_callers_own_identity_is_not_seen(name):
    """A sidecar denies c1 by name, and by namespace; ambient callers come under the waypoint's name."""
    asked = {
        "c1": {"principals": [lab.identity("c1")]},
        "namespaces": {"namespaces": ["elsewhere"]},
    }
    run = Run()
    run.waypoint()
    run.bind()
    rule = {"from": [{"source": asked[name]}]}
    run.add(lab.policy("by-name", selector=lab.select("orders"), action="DENY", rules=[rule]))
    found = rows(run.step(), "by-name")

    assert ("sidecar", "sidecar", "faithful") in found
    how = "narrower" if name == "c1" else "faithful"  # nobody of the source is of that namespace
    assert ("ambient", "sidecar", how) in found


def test_what_a_guard_means_at_ztunnel_is_what_it_says():
    assert rows(ambient().state, "orders-guard") == {
        ("sidecar", "ztunnel", "faithful"),
        ("gateway", "ztunnel", "faithful"),
        ("outside", "ztunnel", "faithful"),
        ("ambient", "ztunnel", "narrower"),  # by design: they come as the waypoint
    }


def test_tokens_are_looked_at_by_proxies_only():
    run = Run()
    spec = {"selector": lab.select("orders"), "jwtRules": [{"issuer": "https://issuer.example"}]}
    run.add({**lab.policy("tokens", **spec), "kind": "RequestAuthentication"})
    assert rows(run.step(), "tokens", kinds.REQUEST_AUTHENTICATION) == everybody(
        "sidecar", "faithful"
    )

    run.ambient("orders")
    state = run.step(restarted=[ORDERS])
    assert rows(state, "tokens", kinds.REQUEST_AUTHENTICATION) == everybody("", "none")


def test_a_policy_that_asks_for_what_is_not_known_there_is_unknown():
    run = Run()
    rule = {"from": [{"source": {"ipBlocks": ["10.0.0.0/8"]}}]}
    ref = {"group": "", "kind": "Service", "name": "orders"}
    run.add(lab.policy("by-address", targetRefs=[ref], action="DENY", rules=[rule]))
    run.waypoint()
    run.bind()

    assert ("ambient", "waypoint", "unknown") in rows(run.step(), "by-address")


def test_a_dry_run_is_no_row():
    run = Run()
    body = lab.policy("tried", selector=lab.select("orders"), action="DENY", rules=[{}])
    body["metadata"]["annotations"] = {"istio.io/dry-run": "true"}
    run.add(body)

    assert rows(run.step(), "tried") == set()
