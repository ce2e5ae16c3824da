"""Label selectors out of texts that nobody has checked."""

from typing import Any

import pytest

from migrator.istio.selectors import Labelled, is_empty, is_selector, selects


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        ({}, True),
        ({"matchLabels": {"app": "cart"}}, True),
        ({"matchLabels": None, "matchExpressions": None}, True),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["cart"]}]}, True),
        ({"matchLabels": ["app"]}, False),
        ({"matchExpressions": {"key": "app"}}, False),
        ({"matchExpressions": ["app"]}, False),
        ({"matchExpressions": [{"key": ["app"]}]}, False),
        ({"matchExpressions": [{"operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "app", "values": "cart"}]}, False),
        ("app=cart", False),
        (None, False),
    ],
)
def test_what_has_the_shape_of_a_selector(value: Any, *, is_one: bool) -> None:
    assert is_selector(value) is is_one


@pytest.mark.parametrize(
    ("selector", "empty"),
    [
        ({}, True),
        ({"matchLabels": {}, "matchExpressions": []}, True),
        ({"matchLabels": {"app": "cart"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, False),
    ],
)
def test_a_selector_that_asks_for_nothing(selector: Any, *, empty: bool) -> None:
    assert is_empty(selector) is empty


PODS: dict[str, dict[str, str]] = {
    "cart": {"app": "cart", "tier": "back"},
    "web": {"app": "web", "tier": "front"},
    "web-canary": {"app": "web", "tier": "front", "track": "canary"},
    "nothing": {},
}
SELECTORS: list[dict[str, Any] | None] = [
    None,
    {},
    {"matchLabels": {"app": "web"}},
    {"matchLabels": {"app": "web", "track": "canary"}},
    {"matchLabels": {"app": "web", "tier": "back"}},
    {"matchLabels": {"app": "unknown"}},
    {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]},
    {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "cart"]}]},
    {"matchExpressions": [{"key": "app", "operator": "In"}]},
    {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]},
    {
        "matchLabels": {"tier": "front"},
        "matchExpressions": [{"key": "track", "operator": "DoesNotExist"}],
    },
    {
        "matchLabels": {"app": "cart"},
        "matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}],
    },
]


@pytest.mark.parametrize("selector", SELECTORS)
def test_finding_by_labels_is_looking_at_each(selector: dict[str, Any] | None) -> None:
    pods = Labelled(PODS, lambda name: PODS[name])

    looked_at = tuple(name for name, labels in PODS.items() if selects(selector, labels))

    assert pods.selected(selector) == looked_at


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ("cart", "web", "web-canary", "nothing")),
        ({"tier": "front"}, ("web", "web-canary")),
        ({"tier": "front", "track": "canary"}, ("web-canary",)),
        ({"tier": "front", "track": "stable"}, ()),
    ],
)
def test_who_carries_every_pair(wanted: dict[str, str], found: tuple[str, ...]) -> None:
    assert Labelled(PODS, lambda name: PODS[name]).carrying(wanted) == found
