"""Label selectors out of texts that nobody has checked."""

from typing import Any

import pytest

from migrator.istio.selectors import is_empty, is_selector


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
