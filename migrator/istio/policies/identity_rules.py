"""How the rules of an AuthorizationPolicy speak of their callers' identity.

Matching mirrors `stringToMatch` and `stringToServiceAccountMatch` of istio/istio
pilot/pkg/serviceregistry/ambient/authorization.go.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from migrator.model.fieldpath import field
from migrator.model.resource import Resource

_POSITIVE = ("principals", "serviceAccounts", "namespaces")
_NEGATIVE = {"notPrincipals": "principals", "notServiceAccounts": "serviceAccounts",
             "notNamespaces": "namespaces"}  # fmt: skip
_WHEN = {"source.principal": "principals", "source.namespace": "namespaces"}


class IdentityUse(NamedTuple):
    """One field about the caller's identity; `name` without its `not`, which is `negated`."""

    rule: int
    path: str
    name: str
    values: tuple[str, ...]
    negated: bool


def identity_uses(policy: Resource) -> Iterator[IdentityUse]:
    """Every such field of the policy, in the order of its rules."""
    for i, rule in enumerate(policy.spec.get("rules") or ()):
        for j, one in enumerate(rule.get("from") or ()):
            yield from _in_source(i, field("spec", "rules", i, "from", j), one.get("source") or {})
        for j, when in enumerate(rule.get("when") or ()):
            if when.get("key") in _WHEN:
                yield from _in_condition(i, field("spec", "rules", i, "when", j), when)


def _in_source(rule: int, at: str, source: Mapping[str, Any]) -> Iterator[IdentityUse]:
    for name, values in source.items():
        plain = _NEGATIVE.get(name, name)
        if values and plain in _POSITIVE:
            at_field = f"{at}.source.{name}"
            yield IdentityUse(rule, at_field, plain, tuple(values), name in _NEGATIVE)


def _in_condition(rule: int, at: str, when: Mapping[str, Any]) -> Iterator[IdentityUse]:
    for key in ("values", "notValues"):
        if when.get(key):
            name = _WHEN[when["key"]]
            yield IdentityUse(rule, f"{at}.{key}", name, tuple(when[key]), key == "notValues")


def matches(use: IdentityUse, policy: Resource, principal: str) -> bool:
    """Whether one of the values names `principal` (`<trust domain>/ns/<ns>/sa/<account>`)."""
    _, _, rest = principal.partition("/ns/")
    namespace, _, account = rest.partition("/sa/")
    match use.name:
        case "principals":
            return any(_string(value, principal) for value in use.values)
        case "namespaces":
            return any(_string(value, namespace) for value in use.values)
        case _:
            full = [v if "/" in v else f"{policy.namespace}/{v}" for v in use.values]
            return f"{namespace}/{account}" in full


def names_exactly(use: IdentityUse, policy: Resource, principal: str) -> bool:
    """Whether `principal` stands in the field by itself, not under a wildcard or a namespace."""
    plain = use._replace(values=tuple(value for value in use.values if "*" not in value))
    return use.name != "namespaces" and matches(plain, policy, principal)


def _string(pattern: str, text: str) -> bool:
    if pattern == "*":
        return bool(text)
    if pattern.startswith("*"):
        return text.endswith(pattern[1:])
    if pattern.endswith("*"):
        return text.startswith(pattern[:-1])
    return pattern == text


def names_waypoint(policy: Resource, principal: str) -> bool:
    """Whether an ALLOW names `principal` by itself, or a DENY exempts it."""
    denies = policy.spec.get("action") == "DENY"
    return any(
        use.negated is denies and names_exactly(use, policy, principal)
        for use in identity_uses(policy)
        if policy.spec.get("action", "ALLOW") in {"ALLOW", "DENY"}
    )
