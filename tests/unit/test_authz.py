"""What ztunnel makes of an AuthorizationPolicy: the table of pilot's conversion and ztunnel's matching."""

from typing import Any

import pytest

from migrator.istio import kinds
from migrator.istio.policies.authz import Level, evaluate
from migrator.istio.versions import Version
from migrator.model.finding import Effect
from migrator.model.resource import Ref, Resource

V131, V125 = Version(1, 31), Version(1, 25)


def policy(
    action: str, *rules: Any, annotations: dict[str, str] | None = None, **spec: Any
) -> Resource:
    body = {
        "metadata": {"name": "p", "namespace": "shop", "annotations": annotations or {}},
        "spec": {"action": action, **spec, **({"rules": list(rules)} if rules else {})},
    }
    return Resource(Ref(*kinds.AUTHORIZATION_POLICY, "shop", "p"), body)


def source(**fields: list[str]) -> dict[str, Any]:
    return {"source": fields}


def operation(**fields: list[str]) -> dict[str, Any]:
    return {"operation": fields}


ANNA = source(principals=["cluster.local/ns/shop/sa/anna"])
READ = operation(methods=["GET"])
PORT = operation(ports=["8080"])
READ_ON_PORT = operation(ports=["8080"], methods=["GET"])
TOKEN = {"key": "request.auth.claims[iss]", "values": ["me"]}
NAMESPACE = {"key": "source.namespace", "values": ["shop"]}

CASES = {
    # name: (action, rules, effect, what each rule matches)
    "ALLOW without rules denies all, as it is meant to": ("ALLOW", [], "faithful", []),
    "DENY without rules": ("DENY", [], "faithful", []),
    "a rule without clauses matches all": ("ALLOW", [{}], "faithful", ["all"]),
    "clauses that are empty lists are none": (
        "DENY", [{"from": [], "to": []}], "faithful", ["all"],
    ),
    "ALLOW of layer 4": ("ALLOW", [{"from": [ANNA], "to": [PORT]}], "faithful", ["as-written"]),
    "DENY of layer 4": ("DENY", [{"from": [ANNA], "to": [PORT]}], "faithful", ["as-written"]),
    "when of layer 4": ("DENY", [{"when": [NAMESPACE]}], "faithful", ["as-written"]),
    "ALLOW with a method": ("ALLOW", [{"from": [ANNA], "to": [READ]}], "closed", ["never"]),
    "ALLOW with method and port in one Match": (
        "ALLOW", [{"to": [READ_ON_PORT]}], "closed", ["never"],
    ),
    "ALLOW omits a rule though one alternative is of layer 4": (
        "ALLOW", [{"to": [PORT, READ]}], "closed", ["never"],
    ),
    "ALLOW keeps the other rule": (
        "ALLOW", [{"to": [READ]}, {"from": [ANNA]}], "narrower", ["never", "as-written"],
    ),
    "ALLOW with a claim": ("ALLOW", [{"when": [TOKEN, NAMESPACE]}], "closed", ["never"]),
    "DENY principal and method: the method's clause is empty": (
        "DENY", [{"from": [ANNA], "to": [READ]}], "open", ["never"],
    ),
    "DENY method": ("DENY", [{"to": [READ]}], "open", ["never"]),
    "DENY requests without token": (
        "DENY", [{"from": [source(notRequestPrincipals=["*"])]}], "open", ["never"],
    ),
    "DENY with a claim beside layer 4": (
        "DENY", [{"from": [ANNA], "when": [TOKEN]}], "open", ["never"],
    ),
    "DENY method and port in one Match": ("DENY", [{"to": [READ_ON_PORT]}], "wider", ["wider"]),
    "DENY loses one alternative": ("DENY", [{"to": [PORT, READ]}], "narrower", ["narrower"]),
    "DENY loses one alternative and widens another": (
        "DENY", [{"to": [READ_ON_PORT, READ]}], "narrower", ["narrower"],
    ),
    "DENY loses one rule": (
        "DENY", [{"to": [READ]}, {"from": [ANNA]}], "narrower", ["never", "as-written"],
    ),
    "DENY loses one rule and widens the other": (
        "DENY", [{"to": [READ]}, {"to": [READ_ON_PORT]}], "narrower", ["never", "wider"],
    ),
    "DENY all makes the other rule superfluous": (
        "DENY", [{}, {"to": [READ]}], "faithful", ["all", "never"],
    ),
    "ALLOW all makes the other rule superfluous": (
        "ALLOW", [{"to": [READ]}, {}], "faithful", ["never", "all"],
    ),
    "ALLOW trust domains only": (
        "ALLOW", [{"from": [source(trustDomains=["td"])]}], "closed", ["never"],
    ),
    "ALLOW trust domains beside a namespace": (
        "ALLOW", [{"from": [source(trustDomains=["td"], namespaces=["a"])]}], "wider", ["wider"],
    ),
    "ALLOW trust domains or a principal": (
        "ALLOW", [{"from": [source(trustDomains=["td"]), ANNA]}], "narrower", ["narrower"],
    ),
    "DENY trust domains only": (
        "DENY", [{"from": [source(notTrustDomains=["td"])]}], "open", ["never"],
    ),
    "ALLOW when trust domain": (
        "ALLOW", [{"when": [{"key": "source.trustDomain", "values": ["td"]}]}], "closed", ["never"],
    ),
    "an empty list is an absent field": (
        "DENY", [{"to": [operation(ports=["80"], methods=[])]}], "faithful", ["as-written"],
    ),
    "an operation of empty lists never matches": (
        "DENY", [{"to": [operation(methods=[])]}], "open", ["never"],
    ),
    "CUSTOM": ("CUSTOM", [{"from": [ANNA]}], "open", ["as-written"]),
    "CUSTOM for everything": ("CUSTOM", [{}], "open", ["all"]),
    "AUDIT": ("AUDIT", [{"to": [READ]}], "ignored", ["never"]),
}  # fmt: skip


@pytest.mark.parametrize(("action", "rules", "effect", "matches"), CASES.values(), ids=CASES.keys())
def test_effect(action: str, rules: list[Any], effect: str, matches: list[str]) -> None:
    evaluation = evaluate(policy(action, *rules), V131)

    assert evaluation.effect == effect
    assert [rule.matches for rule in evaluation.rules] == matches


@pytest.mark.parametrize(
    "field", ["hosts", "notHosts", "methods", "notMethods", "paths", "notPaths"]
)
def test_operations_of_layer_7(field: str) -> None:
    evaluation = evaluate(
        policy("DENY", {"from": [ANNA], "to": [operation(**{field: ["x"]})]}), V131
    )

    assert evaluation.level is Level.L7
    assert [(use.path, use.name) for use in evaluation.l7] == [
        (f"spec.rules[0].to[0].operation.{field}", field)
    ]


@pytest.mark.parametrize(
    "field", ["remoteIpBlocks", "notRemoteIpBlocks", "requestPrincipals", "notRequestPrincipals"]
)
def test_sources_of_layer_7(field: str) -> None:
    evaluation = evaluate(policy("DENY", {"from": [ANNA, source(**{field: ["x"]})]}), V131)

    assert [use.path for use in evaluation.l7] == [f"spec.rules[0].from[1].source.{field}"]
    assert evaluation.effect is Effect.NARROWER


@pytest.mark.parametrize(
    "key",
    [
        "request.headers[x]", "request.auth.principal", "remote.ip", "connection.sni",
        "source.serviceAccount", "source.trustDomain", "experimental.envoy.filters.a[b]",
    ],
)  # fmt: skip
def test_conditions_that_ztunnel_does_not_know(key: str) -> None:
    evaluation = evaluate(
        policy("DENY", {"when": [NAMESPACE, {"key": key, "values": ["v"]}]}), V131
    )

    assert [(use.path, use.name) for use in evaluation.l7] == [("spec.rules[0].when[1].key", key)]
    assert evaluation.effect is Effect.OPEN


@pytest.mark.parametrize(
    "key",
    ["source.ip", "source.namespace", "source.principal", "destination.ip", "destination.port"],
)
def test_conditions_that_ztunnel_knows(key: str) -> None:
    for values in ("values", "notValues"):
        evaluation = evaluate(policy("DENY", {"when": [{"key": key, values: ["80"]}]}), V131)
        assert (evaluation.level, evaluation.effect) == (Level.L4, Effect.FAITHFUL)


@pytest.mark.parametrize("field", ["serviceAccounts", "notServiceAccounts"])
def test_service_accounts_reach_ztunnel_from_1_26(field: str) -> None:
    uses = policy("ALLOW", {"from": [source(**{field: ["a"]})]})

    assert evaluate(uses, Version(1, 26)).effect is Effect.FAITHFUL
    old = evaluate(uses, V125)
    assert old.effect is Effect.CLOSED
    assert [use.name for use in old.dropped_silently] == [field]
    assert old.level is Level.L4


def test_the_first_rule_is_allowed_by_default() -> None:
    bare = Resource(Ref(*kinds.AUTHORIZATION_POLICY, "shop", "p"), {"spec": {}})

    assert evaluate(bare, V131).action == "ALLOW"


@pytest.mark.parametrize(
    "ignored",
    [
        policy("DENY", {"from": [ANNA]}, targetRefs=[{"kind": "Service", "name": "a"}]),
        policy("DENY", {"from": [ANNA]}, targetRef={"kind": "Service", "name": "a"}),
        policy("DENY", {"from": [ANNA]}, annotations={"istio.io/dry-run": "true"}),
        policy("DENY", {"from": [ANNA]}, selector={}),
        policy("REFUSE", {"from": [ANNA], "to": [READ]}),
    ],
    ids=["targetRefs", "targetRef", "dry-run", "selector without matchLabels", "unknown action"],
)
def test_what_istiod_does_not_send_to_ztunnel(ignored: Resource) -> None:
    assert evaluate(ignored, V131).effect is Effect.IGNORED


@pytest.mark.parametrize(
    "sent",
    [
        policy("DENY", {"from": [ANNA]}, targetRefs=[]),
        policy("DENY", {"from": [ANNA]}, annotations={"istio.io/dry-run": "false"}),
        policy("DENY", {"from": [ANNA]}, selector={"matchLabels": {}}),
        policy("DENY", {"from": [ANNA]}, selector={"matchLabels": {"app": "a"}}),
    ],
    ids=["no targetRefs", "no dry-run", "selector of everything", "selector"],
)
def test_what_istiod_sends(sent: Resource) -> None:
    assert evaluate(sent, V131).effect is Effect.FAITHFUL


@pytest.mark.parametrize(
    ("rules", "more"),
    [
        ([{"to": [READ_ON_PORT]}], True),
        ([{"to": [READ]}, {"to": [READ_ON_PORT]}], True),
        ([{"to": [READ_ON_PORT, READ]}], True),
        ([{"to": [READ]}], False),
        ([{"from": [ANNA], "to": [READ]}, {"from": [ANNA]}], False),
        ([{"to": [READ_ON_PORT, PORT], "from": [source(requestPrincipals=["*"])]}], False),
    ],
)
def test_a_deny_that_denies_more_beside_what_it_loses(rules: list[Any], more: bool) -> None:  # noqa: FBT001
    assert evaluate(policy("DENY", *rules), V131).over_matches is more
