"""Kubernetes label selectors.

Mirrors `LabelSelectorAsSelector` in k8s.io/apimachinery/pkg/apis/meta/v1/helpers.go.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

Thing = TypeVar("Thing")


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


class Labelled(Generic[Thing]):
    """Things with labels, kept so that those of a selector are found without a look at each."""

    def __init__(
        self, things: Iterable[Thing], labels: Callable[[Thing], Mapping[str, str]]
    ) -> None:
        self._all = [(labels(thing), thing) for thing in things]
        self._of_pair: dict[tuple[str, str], list[tuple[Mapping[str, str], Thing]]] = {}
        for one in self._all:
            for pair in one[0].items():
                self._of_pair.setdefault(pair, []).append(one)

    def carrying(self, wanted: Mapping[str, str]) -> tuple[Thing, ...]:
        """Those that carry every pair of `wanted`, in the order that they were given in."""
        near = self._near(wanted)
        return tuple(thing for labels, thing in near if has_labels(wanted, labels))

    def selected(self, selector: Mapping[str, Any] | None) -> tuple[Thing, ...]:
        """Those that `selector` selects, in the order that they were given in."""
        near = self._near(_pairs(selector or {}))
        return tuple(thing for labels, thing in near if selects(selector, labels))

    def _near(self, wanted: Mapping[str, str]) -> Sequence[tuple[Mapping[str, str], Thing]]:
        """The shortest list that holds all who carry `wanted`."""
        lists = (self._of_pair.get(pair, []) for pair in wanted.items())
        return min(lists, key=len, default=self._all)


def _pairs(selector: Mapping[str, Any]) -> Mapping[str, str]:
    """Pairs of which everything selected carries each."""
    single = {
        term["key"]: term["values"][0]
        for term in selector.get("matchExpressions") or ()
        if term.get("operator") == "In" and "key" in term and len(term.get("values") or ()) == 1
    }
    return {**single, **(selector.get("matchLabels") or {})}


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
