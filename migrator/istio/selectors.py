"""Kubernetes label selectors.

Mirrors `LabelSelectorAsSelector` in k8s.io/apimachinery/pkg/apis/meta/v1/helpers.go.
"""

from collections.abc import Mapping
from typing import Any


def has_labels(wanted: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether `labels` carry every pair of `wanted`; an empty `wanted` is carried by all."""
    return wanted.items() <= labels.items()


def selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Evaluate `matchLabels` and `matchExpressions`; a missing or empty selector selects everything."""
    if not selector:
        return True
    if not has_labels(selector.get("matchLabels") or {}, labels):
        return False
    return all(_expression(term, labels) for term in selector.get("matchExpressions") or ())


def is_selector(value: Any) -> bool:
    """Whether `value`, out of a text that nobody has checked, has the shape of a label selector."""
    if not isinstance(value, Mapping):
        return False
    terms = value.get("matchExpressions") or []
    return (
        isinstance(value.get("matchLabels") or {}, Mapping)
        and isinstance(terms, list)
        and all(map(_is_term, terms))
    )


def _is_term(term: Any) -> bool:
    if not isinstance(term, Mapping) or not isinstance(term.get("key"), str):
        return False
    return isinstance(term.get("values") or [], list)


def is_empty(selector: Mapping[str, Any]) -> bool:
    """Whether the selector asks for nothing at all."""
    return not selector.get("matchLabels") and not selector.get("matchExpressions")


def _expression(term: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = term.get("key", ""), term.get("values") or ()
    match term.get("operator"):
        case "In":
            return key in labels and labels[key] in values
        case "NotIn":
            return key not in labels or labels[key] not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case _:
            return False
