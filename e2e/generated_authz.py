"""AuthorizationPolicies of every field, key and action, made from a seed: the same ones in every run.

Within one policy no two fields have the same values. So each field is a condition of its own, that can
be told by its values in what istiod makes of it, and that is true or false independently of the others.
"""

import random
from collections.abc import Callable, Iterator
from itertools import count, product
from typing import Any

NAMESPACES = ("authz-one", "authz-two", "authz-three", "authz-four")
SEED = 20260827
_RANDOM = 420
_WILD = 5  # every fifth value is a prefix, suffix or `*`


def _string(n: int, base: str) -> str:
    """Exact, prefix and suffix in turn."""
    exact = base.format(n)
    match n % (3 * _WILD):
        case 0:
            return f"{exact}*"
        case 5:
            return f"*{exact}"
        case _:
            return exact


def _principal(n: int) -> str:
    return _string(n, "cluster.local/ns/n{0}/sa/s{0}")


def _namespace(n: int) -> str:
    return _string(n, "space-{}")


def _account(n: int) -> str:
    return f"space-{n}/account-{n}" if n % 2 else f"account-{n}"


def _address(n: int) -> str:
    match n % 3:
        case 0:
            return f"10.{n // 256}.{n % 256}.0/24"
        case 1:
            return f"10.{n // 256}.{n % 256}.7"
        case _:
            return f"fd00:{n:x}::/64"


def _port(n: int) -> str:
    return str(1024 + n)


def _plain(base: str) -> Callable[[int], str]:
    return base.format


_SOURCE: dict[str, Callable[[int], str]] = {
    "principals": _principal,
    "requestPrincipals": _plain("issuer-{0}/subject-{0}"),
    "namespaces": _namespace,
    "serviceAccounts": _account,
    "ipBlocks": _address,
    "remoteIpBlocks": _address,
    "trustDomains": _plain("domain-{}"),
}
_OPERATION: dict[str, Callable[[int], str]] = {
    "hosts": _plain("host-{}.example"),
    "ports": _port,
    "methods": _plain("METHOD{}"),
    "paths": _plain("/path-{}"),
}
_WHEN: dict[str, Callable[[int], str]] = {
    "source.ip": _address,
    "source.namespace": _namespace,
    "source.principal": _principal,
    "destination.ip": _address,
    "destination.port": _port,
    "source.serviceAccount": _account,
    "source.trustDomain": _plain("domain-{}"),
    "remote.ip": _address,
    "request.headers[x-team]": _plain("team-{}"),
    "request.auth.principal": _plain("issuer-{0}/subject-{0}"),
    "request.auth.audiences": _plain("audience-{}"),
    "request.auth.presenter": _plain("presenter-{}"),
    "request.auth.claims[role]": _plain("role-{}"),
    "connection.sni": _plain("host-{}.example"),
    "experimental.envoy.filters.network.mysql_proxy[a.b]": _plain("[table-{}]"),
}
_FIELDS = [
    (part, not_name)
    for part, fields in (("source", _SOURCE), ("operation", _OPERATION))
    for name in fields
    for not_name in (name, f"not{name[0].upper()}{name[1:]}")
]
# what the validating webhook refuses beside a CUSTOM action: it asks before the identity is known
_CUSTOM_SOURCE = ("ipBlocks", "notIpBlocks", "remoteIpBlocks", "notRemoteIpBlocks")
_CUSTOM_WHEN = tuple(
    key for key in _WHEN if not key.startswith(("source.", "request.auth.")) or key == "source.ip"
)
_WITH_IDENTITY = ("principals", "notPrincipals", "namespaces", "notNamespaces")
_ACTIONS = ("ALLOW", "DENY", "AUDIT", "CUSTOM")


class _Maker:
    """Rules of fields whose values never repeat within one policy."""

    def __init__(self, random_: random.Random, action: str) -> None:
        self._random = random_
        self._count = count(random_.randrange(40))
        self._action = action

    def values(self, make: Callable[[int], str]) -> list[str]:
        return [make(next(self._count)) for _ in range(self._random.choice((1, 1, 2)))]

    def field(self, part: str, name: str) -> list[str]:
        positive = name if not name.startswith("not") else name[3].lower() + name[4:]
        return self.values((_SOURCE if part == "source" else _OPERATION)[positive])

    def source(self) -> dict[str, Any]:
        names = self._names("source")
        chosen = self._random.sample(names, self._random.choice((1, 1, 1, 2, 2, 3)))
        if set(chosen) & set(_WITH_IDENTITY):  # the two kinds of identity exclude each other
            chosen = [name for name in chosen if "erviceAccounts" not in name]
        return {"source": {name: self.field("source", name) for name in chosen}}

    def operation(self) -> dict[str, Any]:
        names = self._names("operation")
        chosen = self._random.sample(names, self._random.choice((1, 1, 1, 2, 2, 3)))
        return {"operation": {name: self.field("operation", name) for name in chosen}}

    def condition(self, key: str, sides: tuple[str, ...]) -> dict[str, Any]:
        return {"key": key, **{side: self.values(_WHEN[key]) for side in sides}}

    def rule(self) -> dict[str, Any]:
        if self._random.random() < 0.04:
            return {}
        parts: dict[str, Any] = {}
        if self._random.random() < 0.6:
            parts["from"] = [self.source() for _ in range(self._random.choice((1, 1, 2, 3)))]
        if self._random.random() < 0.6:
            parts["to"] = [self.operation() for _ in range(self._random.choice((1, 1, 2, 3)))]
        if not parts or self._random.random() < 0.4:
            parts["when"] = [self.any_condition() for _ in range(self._random.choice((1, 1, 2)))]
        return parts

    def any_condition(self) -> dict[str, Any]:
        keys = _CUSTOM_WHEN if self._action == "CUSTOM" else tuple(_WHEN)
        sides = self._random.choice((("values",), ("notValues",), ("values", "notValues")))
        return self.condition(self._random.choice(keys), sides)

    def _names(self, part: str) -> list[str]:
        names = [name for of, name in _FIELDS if of == part]
        if self._action == "CUSTOM" and part == "source":
            return [name for name in names if name in _CUSTOM_SOURCE]
        return names


def _seeded(text: str) -> random.Random:
    return random.Random(text)  # noqa: S311  the same in every run is the point


def policies() -> list[dict[str, Any]]:
    """All of them, as manifests; some 700."""
    specs = [*_edge_cases(), *_one_field(), *_one_key(), *_two_fields(), *_nested()]
    return [_manifest(number, spec) for number, spec in enumerate(specs)]


def _edge_cases() -> Iterator[dict[str, Any]]:
    yield {}
    yield {"action": "ALLOW", "rules": []}
    yield {"action": "AUDIT"}
    for action in _ACTIONS:
        yield _spec(action, [{}])
        yield _spec(action, [{}, {"to": [{"operation": {"methods": ["GET"]}}]}])
        yield _spec(action, [{"to": [{"operation": {"methods": ["*"]}}]}])
    for action in ("ALLOW", "DENY"):
        for name in ("principals", "notPrincipals", "namespaces", "requestPrincipals"):
            yield _spec(action, [{"from": [{"source": {name: ["*"]}}]}])
        yield _spec(action, [{"from": [{"source": {"principals": ["*"], "trustDomains": ["a"]}}]}])
        yield {**_spec(action, [{}]), "selector": {}}
        yield {**_spec(action, [{}]), "selector": {"matchLabels": {"app": "nobody"}}}
        yield {**_spec(action, [{}]), "selector": {"matchLabels": {}}}
        yield {**_spec(action, [{}]), "targetRef": _target()}
        yield {**_spec(action, [{}]), "targetRefs": [_target()]}
        for value in ("true", "1", "false", "yes"):
            yield {**_spec(action, [{}]), "dry-run": value}


def _target() -> dict[str, str]:
    return {"group": "", "kind": "Service", "name": "nobody"}


def _one_field() -> Iterator[dict[str, Any]]:
    for action in _ACTIONS:
        for part, name in _FIELDS:
            if action == "CUSTOM" and part == "source" and name not in _CUSTOM_SOURCE:
                continue
            made = _Maker(_seeded(f"{SEED} {action} {name}"), action)
            clause = "from" if part == "source" else "to"
            yield _spec(action, [{clause: [{part: {name: made.field(part, name)}}]}])


def _one_key() -> Iterator[dict[str, Any]]:
    for action in _ACTIONS:
        for key in _CUSTOM_WHEN if action == "CUSTOM" else _WHEN:
            for sides in (("values",), ("notValues",), ("values", "notValues")):
                made = _Maker(_seeded(f"{SEED} {action} {key} {sides}"), action)
                yield _spec(action, [{"when": [made.condition(key, sides)]}])


def _two_fields() -> Iterator[dict[str, Any]]:
    """In one Match, one that ztunnel knows with one that it does not."""
    pairs = (
        ("from", "source", ("principals", "notNamespaces", "ipBlocks"), "notRemoteIpBlocks"),
        ("from", "source", ("notPrincipals", "namespaces", "notIpBlocks"), "requestPrincipals"),
        ("from", "source", ("principals", "serviceAccounts", "ipBlocks"), "trustDomains"),
        ("from", "source", ("namespaces", "notServiceAccounts"), "notTrustDomains"),
        ("to", "operation", ("ports", "notPorts"), "hosts"),
        ("to", "operation", ("ports", "notPorts"), "notMethods"),
        ("to", "operation", ("ports", "notPorts"), "paths"),
    )
    for action, (clause, part, known, other) in product(("ALLOW", "DENY"), pairs):
        for name in known:
            made = _Maker(_seeded(f"{SEED} {action} {name} {other}"), action)
            fields = {one: made.field(part, one) for one in (name, other)}
            yield _spec(action, [{clause: [{part: fields}]}])


def _nested() -> Iterator[dict[str, Any]]:
    """Several fields, Matches, clauses and rules; mostly of the two actions that ztunnel knows."""
    for number in range(_RANDOM):
        rng = _seeded(f"{SEED} {number}")
        action = rng.choice(("ALLOW", "ALLOW", "ALLOW", "DENY", "DENY", "DENY", "AUDIT", "CUSTOM"))
        made = _Maker(rng, action)
        yield _spec(action, [made.rule() for _ in range(rng.choice((1, 1, 2, 3)))])


def _spec(action: str, rules: list[dict[str, Any]]) -> dict[str, Any]:
    provider = {"provider": {"name": "nobody"}} if action == "CUSTOM" else {}
    return {"action": action, **provider, "rules": rules}


def _manifest(number: int, spec: dict[str, Any]) -> dict[str, Any]:
    dry_run = spec.pop("dry-run", None)
    annotations = {"annotations": {"istio.io/dry-run": dry_run}} if dry_run else {}
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {
            "name": f"made-{number:03}",
            "namespace": NAMESPACES[number % len(NAMESPACES)],
            **annotations,
        },
        "spec": spec,
    }
