"""How policies speak of their callers, and what that means behind a waypoint."""

from typing import Any

import pytest

from migrator.istio import kinds
from migrator.istio.policies.identity_rules import (
    identity_uses,
    matches,
    names_exactly,
    names_waypoint,
)
from migrator.model.resource import Ref, Resource

WAYPOINT = "cluster.local/ns/shop/sa/waypoint"


def policy(*rules: Any, action: str = "ALLOW") -> Resource:
    body = {"spec": {"action": action, "rules": list(rules)}}
    return Resource(Ref(*kinds.AUTHORIZATION_POLICY, "shop", "p"), body)


def from_source(**fields: list[str]) -> dict[str, Any]:
    return {"from": [{"source": fields}]}


def test_finds_every_field_about_the_caller() -> None:
    made = policy(
        from_source(principals=["a"], notNamespaces=["b"], ipBlocks=["10.0.0.0/8"]),
        {
            "from": [{"source": {"serviceAccounts": []}}],
            "when": [
                {"key": "source.ip", "values": ["10.0.0.1"]},
                {"key": "source.principal", "values": ["c"], "notValues": ["d"]},
            ],
        },
    )

    assert [(u.rule, u.path, u.name, u.values, u.negated) for u in identity_uses(made)] == [
        (0, "spec.rules[0].from[0].source.principals", "principals", ("a",), False),
        (0, "spec.rules[0].from[0].source.notNamespaces", "namespaces", ("b",), True),
        (1, "spec.rules[1].when[1].values", "principals", ("c",), False),
        (1, "spec.rules[1].when[1].notValues", "principals", ("d",), True),
    ]


@pytest.mark.parametrize(
    ("source", "meets", "exactly"),
    [
        ({"principals": [WAYPOINT]}, True, True),
        ({"principals": ["cluster.local/ns/shop/sa/other"]}, False, False),
        ({"principals": ["*"]}, True, False),
        ({"principals": ["cluster.local/ns/shop/*"]}, True, False),
        ({"principals": ["cluster.local/ns/front/*"]}, False, False),
        ({"principals": ["*/sa/waypoint"]}, True, False),
        ({"principals": ["*", WAYPOINT]}, True, True),
        ({"serviceAccounts": ["waypoint"]}, True, True),
        ({"serviceAccounts": ["shop/waypoint"]}, True, True),
        ({"serviceAccounts": ["front/waypoint"]}, False, False),
        ({"namespaces": ["shop"]}, True, False),
        ({"namespaces": ["sh*"]}, True, False),
        ({"namespaces": ["front"]}, False, False),
    ],
)
def test_what_names_a_waypoint(source: dict[str, Any], meets: bool, exactly: bool) -> None:  # noqa: FBT001
    made = policy({"from": [{"source": source}]})
    (use,) = identity_uses(made)

    assert matches(use, made, WAYPOINT) is meets
    assert names_exactly(use, made, WAYPOINT) is exactly


@pytest.mark.parametrize(
    ("action", "source", "named"),
    [
        ("ALLOW", {"principals": [WAYPOINT]}, True),
        ("ALLOW", {"notPrincipals": [WAYPOINT]}, False),
        ("DENY", {"notPrincipals": [WAYPOINT]}, True),
        ("DENY", {"principals": [WAYPOINT]}, False),
        ("CUSTOM", {"principals": [WAYPOINT]}, False),
    ],
)
def test_an_allow_names_it_and_a_deny_exempts_it(
    action: str,
    source: dict[str, Any],
    named: bool,  # noqa: FBT001
) -> None:
    made = policy({"from": [{"source": source}]}, action=action)

    assert names_waypoint(made, WAYPOINT) is named
