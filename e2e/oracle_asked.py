"""What an AuthorizationPolicy asks for, as its API describes it: the same normal form as ztunnel's.

A rule matches if `from`, `to` and every `when` do; `from` and `to` if any element does; an element if all
its fields do. Nothing is left out here: this is what a sidecar or waypoint enforces on HTTP.
"""

import ipaddress
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from .oracle_ztunnel import Condition, Group, Truth

_ZTUNNEL_FIELD = {
    "principals": "principals",
    "namespaces": "namespaces",
    "serviceAccounts": "serviceAccounts",
    "ipBlocks": "sourceIps",
    "ports": "destinationPorts",
    "source.principal": "principals",
    "source.namespace": "namespaces",
    "source.ip": "sourceIps",
    "destination.ip": "destinationIps",
    "destination.port": "destinationPorts",
}


def rules(policy: Mapping[str, Any]) -> tuple[Group, ...]:
    """The rules of a manifest; every clause with its alternatives."""
    namespace = policy["metadata"]["namespace"]
    return tuple(
        tuple(tuple(match for _, match in clause) for clause in _clauses(rule, i, namespace))
        for i, rule in enumerate(policy["spec"].get("rules") or ())
    )


def condition_at(policy: Mapping[str, Any]) -> dict[str, tuple[Condition, ...]]:
    """The conditions by the path of the field, or of the key of a `when`, that asks for them."""
    namespace = policy["metadata"]["namespace"]
    return {
        path: found
        for i, rule in enumerate(policy["spec"].get("rules") or ())
        for clause in _clauses(rule, i, namespace)
        for fields, _ in clause
        for path, found in fields.items()
    }


def asked(groups: Sequence[Group], truth: Truth) -> bool:
    """Whether a request is one that the rules speak of; an empty rule speaks of all."""
    return any(
        all(any(all(map(truth, match)) for match in clause) for clause in group) for group in groups
    )


_Fields = dict[str, tuple[Condition, ...]]


def _clauses(
    rule: Mapping[str, Any], index: int, namespace: str
) -> Iterator[list[tuple[_Fields, tuple[Condition, ...]]]]:
    at = f"spec.rules[{index}]"
    for clause, part in (("to", "operation"), ("from", "source")):
        found = []
        for i, element in enumerate(rule.get(clause) or ()):
            fields = {
                f"{at}.{clause}[{i}].{part}.{name}": (_condition(name, values, namespace),)
                for name, values in element[part].items()
            }
            found.append((fields, tuple(c for cs in fields.values() for c in cs)))
        if found:
            yield found
    for i, when in enumerate(rule.get("when") or ()):
        sides = tuple(
            _condition(when["key"], when[side], namespace, negated=side == "notValues")
            for side in ("values", "notValues")
            if side in when
        )
        yield [({f"{at}.when[{i}].key": sides}, sides)]


def _condition(
    name: str, values: Sequence[str], namespace: str, *, negated: bool = False
) -> Condition:
    if name.startswith("not") and name[3:4].isupper():
        return _condition(name[3].lower() + name[4:], values, namespace, negated=True)
    field = _ZTUNNEL_FIELD.get(name, name)
    normal = _NORMAL.get(field)
    as_sent = tuple(normal(value, namespace) if normal else value for value in values)
    return Condition(f"not{field[0].upper()}{field[1:]}" if negated else field, as_sent)


def _network(value: str, _: str) -> str:
    if "/" in value:
        return value
    return f"{value}/{ipaddress.ip_address(value).max_prefixlen}"


def _account(value: str, namespace: str) -> str:
    return value if "/" in value else f"{namespace}/{value}"


_NORMAL: dict[str, Callable[[str, str], str]] = {
    "sourceIps": _network,
    "destinationIps": _network,
    "serviceAccounts": _account,
}
