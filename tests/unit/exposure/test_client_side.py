"""Whose DestinationRules count, by the namespace of the caller, and what that opens when callers move."""

import pytest

from migrator.exposure.calling import Caller
from migrator.exposure.clientside import ClientSide
from migrator.exposure.compare import compare
from migrator.exposure.state import State
from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.resource import Ref
from migrator.model.snapshot import Snapshot
from tests.property.meshes import resource, service, workload

HOST = "a.shop.svc.cluster.local"
PLAIN = {"trafficPolicy": {"tls": {"mode": "DISABLE"}}}
MUTUAL = {"trafficPolicy": {"tls": {"mode": "ISTIO_MUTUAL"}}}
POOL = {"trafficPolicy": {"connectionPool": {"tcp": {"maxConnections": 1}}}}


def mesh(*rules, labels=None):
    """Three namespaces that call one Service; `rules`: (namespace, name, spec)."""
    injected = {"labels": {"istio-injection": "enabled"}}
    found = [service("shop", "a")]
    for space in ("shop", "web", "bank"):
        found.append(resource(kinds.NAMESPACE, "", space, metadata=injected))
        found.append(workload(kinds.DEPLOYMENT, space, "a", labels or {}))
    admits = {"rules": [{"from": [{"source": {"namespaces": ["shop", "web", "bank"]}}]}]}
    found.append(resource(kinds.AUTHORIZATION_POLICY, "shop", "callers", spec=admits))
    found += [
        resource(kinds.DESTINATION_RULE, space, name, spec={"host": HOST, **spec})
        for space, name, spec in rules
    ]
    return Mesh(Snapshot(found))


def homes(*rules):
    found = mesh(*rules)
    return ClientSide(found).homes(found.services.all[0])


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        pytest.param([], set(), id="no rules"),
        pytest.param([("shop", "r", PLAIN)], set(), id="the same for everybody"),
        pytest.param([("shop", "r", {**PLAIN, "exportTo": ["."]})], {"shop"}, id="its own"),
        pytest.param([("shop", "r", {**PLAIN, "exportTo": ["web"]})], {"web"}, id="exported to one"),
        pytest.param([("web", "r", PLAIN)], {"web"}, id="of the caller"),
        pytest.param(
            [("shop", "r", PLAIN), ("web", "r", POOL)], {"web"}, id="a caller's that hides it"
        ),
        pytest.param([("shop", "r", PLAIN), ("web", "r", PLAIN)], set(), id="both say the same"),
        pytest.param([("web", "r", POOL)], set(), id="none of them is about TLS"),
        pytest.param([("istio-system", "r", MUTUAL)], set(), id="of the whole mesh"),
        pytest.param(
            [("web", "r", {**PLAIN, "workloadSelector": {"matchLabels": {"app": "a"}}})], {"web"},
            id="of some of its namespace",
        ),
    ],
)  # fmt: skip
def test_the_namespaces_that_send_in_another_way(rules, expected):
    assert homes(*rules) == expected


def moved(found):
    """What opens when everybody has become ambient."""
    before = State(found)
    labels = {"istio.io/dataplane-mode": "ambient"}
    changes = {
        Ref(*kinds.NAMESPACE, "", space): resource(
            kinds.NAMESPACE, "", space, metadata={"labels": labels}
        )
        for space in ("shop", "web", "bank")
    }
    later = found.changed(changes)
    after = before.then(later, restarted=[w.ref for w in later.workloads])
    return compare(before, after, only=frozenset({Ref(*kinds.SERVICE, "shop", "a")}))


def test_callers_that_sent_plain_text_get_through_once_ztunnel_speaks_for_them():
    opens = moved(mesh(("shop", "r", PLAIN))).opens
    assert {one.caller for one in opens} == {Caller.AMBIENT}
    assert all(one.policy.name == "callers" for one in opens)
    assert all("sidecar of Deployment/shop/a in plain text, now" in one.why for one in opens)
    assert moved(mesh()).opens == ()


def test_only_of_the_namespace_that_sends_plain_text_something_opens():
    opens = moved(mesh(("web", "r", PLAIN))).opens
    assert [one.principal for one in opens] == ["cluster.local/ns/web/sa/a"]


def test_what_nobody_can_tell_is_said_to_be_unknown():
    chosen = {"workloadSelector": {"matchLabels": {"app": "a"}}}
    found = moved(mesh(("web", "r", {**PLAIN, **chosen})))
    assert found.opens == ()
    (change,) = found.unknown
    assert change.principal == "cluster.local/ns/web/sa/a"
    assert "DestinationRule/web/r counts for some of its namespace only" in change.why
