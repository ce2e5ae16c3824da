"""The order in which Istio tries the rules of an HTTPRoute, whatever order they are written in.

Mirrors `sortHTTPRoutes` of istio/istio pilot/pkg/config/kube/gateway/conversion.go: an exact path before a
prefix before a regular expression, a longer one first, then one with a method, then more headers, then more
query parameters. A VirtualService is tried from top to bottom.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

_RANK = {"Exact": 3, "PathPrefix": 2, "RegularExpression": 1}
_LITERAL = re.compile(r"(?:[^\\.+*?()|\[\]{}^$]|\\[^A-Za-z0-9])*")
_ESCAPED = re.compile(r"\\(.)")


def inversions(
    entries: Sequence[tuple[int, Mapping[str, Any]]],
) -> Iterator[tuple[int, int]]:
    """Pairs of rules, by number, that the sorted order turns round although a request may meet both.

    `entries`: each match with the number of its rule, in the order of the VirtualService.
    """
    seen = set()
    for (first, before), (second, after) in combinations(entries, 2):
        turned = _key(after) > _key(before)
        if first != second and turned and (first, second) not in seen and may_meet(before, after):
            seen.add((first, second))
            yield first, second


def _key(match: Mapping[str, Any]) -> tuple[int, int, bool, int, int]:
    path = match["path"]
    return (
        _RANK[path["type"]],
        len(path["value"].encode()),
        "method" in match,
        len(match.get("headers") or ()),
        len(match.get("queryParams") or ()),
    )


def may_meet(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether some request may match both; true where that is not plain."""
    if "method" in one and "method" in other and one["method"] != other["method"]:
        return False
    if not _paths_meet(one["path"], other["path"]):
        return False
    return not any(
        _excludes(one.get(kind) or (), other.get(kind) or (), name)
        for kind, name in (("headers", str.lower), ("queryParams", str))
    )


def _paths_meet(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    (whole, text), (also_whole, other_text) = _start(one), _start(other)
    if whole and also_whole:
        return text == other_text
    if whole:
        return text.startswith(other_text)
    if also_whole:
        return other_text.startswith(text)
    return text.startswith(other_text) or other_text.startswith(text)


def _start(path: Mapping[str, str]) -> tuple[bool, str]:
    """The text that the path is, or starts with."""
    value = path["value"]
    if path["type"] == "Exact":
        return True, value
    if path["type"] == "PathPrefix":
        return False, value
    literal = value.removesuffix(".*")
    if literal == value or not _LITERAL.fullmatch(literal):
        return False, ""
    return False, _ESCAPED.sub(r"\1", literal)


def _excludes(
    some: Sequence[Mapping[str, str]],
    others: Sequence[Mapping[str, str]],
    name: Callable[[str], str],
) -> bool:
    """Whether both ask for the same name with different exact values."""
    exact = {name(one["name"]): one["value"] for one in some if one["type"] == "Exact"}
    return any(
        one["type"] == "Exact" and exact.get(name(one["name"]), one["value"]) != one["value"]
        for one in others
    )
