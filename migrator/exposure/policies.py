"""AuthorizationPolicies as each enforcer has them, and what they say of a request.

Proxies: `Model.Generate` and `checkError` of istio/istio pilot/pkg/security/authz/model/model.go, for HTTP
and for TCP. ztunnel: what `migrator.istio.policies.authz.clauses` leaves. An answer is True, False, or None
where it depends on something that nobody has told.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

from migrator.istio.policies.authz import action_of, clauses, is_dry_run, reaches_ztunnel
from migrator.istio.policies.effective import value_at
from migrator.istio.versions import Version
from migrator.model.resource import Resource

from .patterns import matches

UNKNOWN = "\0unknown"  # the value of a field that nobody has told
UNTOLD = "untold:"  # before the keys of fields that no state tells
_SOURCE = {
    "ipBlocks": "source.ip",
    "remoteIpBlocks": "remote.ip",
    "namespaces": "namespace",
    "trustDomains": "trust",
    "serviceAccounts": "account",
    "requestPrincipals": "token",
    "principals": "principal",
}
_OPERATION = {"ports": "port", "paths": "path", "methods": "method", "hosts": "host"}
_WHEN = {
    "source.ip": "source.ip",
    "remote.ip": "remote.ip",
    "source.namespace": "namespace",
    "source.trustDomain": "trust",
    "source.serviceAccount": "account",
    "source.principal": "principal",
    "request.auth.principal": "token",
    "request.auth.audiences": "claim:aud",
    "request.auth.presenter": "claim:azp",
    "destination.ip": f"{UNTOLD}destination.ip",
    "destination.port": "port",
    "connection.sni": f"{UNTOLD}connection.sni",
}
_HTTP_ONLY = ("method", "path", "host", "token", "header:", "claim:")
_LOCAL = "cluster.local"  # in a principal it stands for the mesh's own trust domain, at proxies
_IDENTITY_PARTS = 5

Values = Mapping[str, str | None]
Answer = bool | None


class Level(StrEnum):
    """How an enforcer reads a policy."""

    HTTP = "http"
    TCP = "tcp"
    ZTUNNEL = "ztunnel"


class Atom(NamedTuple):
    """One field of a policy: the request's value meets one of the patterns, or with `negated` none."""

    key: str
    patterns: tuple[str, ...]
    negated: bool

    def holds(self, values: Values) -> Answer:
        found = values.get(self.key)
        if found == UNKNOWN or self.key.startswith(UNTOLD):
            return None
        met = found is not None and any(matches(self.key, p, found) for p in self.patterns)
        return met is not self.negated


Match = tuple[Atom, ...]  # all of them
Clause = tuple[Match, ...]  # any of them
Rule = tuple[Clause, ...]  # all of them


@dataclass(frozen=True, eq=False)
class Compiled:
    """A policy as one kind of enforcer has it; equal ones are one object."""

    policy: Resource
    action: str
    provider: str
    rules: tuple[Rule, ...]

    def matches(self, values: Values) -> Answer:
        return some(_rule(rule, values) for rule in self.rules)

    def atoms(self) -> Iterator[Atom]:
        for rule in self.rules:
            for clause in rule:
                for match in clause:
                    yield from match


def some(answers: Iterable[Answer]) -> Answer:
    """True if one is, unknown if one is and none is true."""
    unknown = False
    for answer in answers:
        if answer:
            return True
        unknown = unknown or answer is None
    return None if unknown else False


def every(answers: Iterable[Answer]) -> Answer:
    """False if one is, unknown if one is and none is false."""
    unknown = False
    for answer in answers:
        if answer is False:
            return False
        unknown = unknown or answer is None
    return None if unknown else True


def _rule(rule: Rule, values: Values) -> Answer:
    return every(
        some(every(atom.holds(values) for atom in match) for match in clause) for clause in rule
    )


class Compiler:
    """Policies of one mesh, each compiled once for each way to read it."""

    def __init__(self, version: Version, trust_domains: tuple[str, ...]) -> None:
        self._version = version
        self._domains = trust_domains
        self._known: dict[tuple[Resource, Level], Compiled | None] = {}

    def compile(self, policies: Iterable[Resource], level: Level) -> tuple[Compiled, ...]:
        """The policies that the enforcer has, in their order; a dry run is none."""
        found = (self._one(policy, level) for policy in policies)
        return tuple(one for one in found if one is not None)

    def _one(self, policy: Resource, level: Level) -> Compiled | None:
        key = (policy, level)
        if key not in self._known:
            self._known[key] = self._compiled(policy, level)
        return self._known[key]

    def _compiled(self, policy: Resource, level: Level) -> Compiled | None:
        action = action_of(policy)
        if level is Level.ZTUNNEL:
            sent = reaches_ztunnel(policy)
            rules = self._at_ztunnel(policy) if sent else ()
        else:
            sent = action in {"ALLOW", "DENY", "CUSTOM"} and not is_dry_run(policy)
            rules = tuple(self._at_proxy(policy, level))
        provider = (policy.spec.get("provider") or {}).get("name") or ""
        return Compiled(policy, action, provider, rules) if sent else None

    def _at_proxy(self, policy: Resource, level: Level) -> Iterator[Rule]:
        for rule in policy.spec.get("rules") or ():
            found = _proxy_rule(rule, policy.namespace, self._domains)
            if found is None:
                continue
            if level is Level.TCP:
                if action_of(policy) == "ALLOW" and any(_is_http_only(a) for a in _atoms(found)):
                    continue
                found = _without_http(found)
            yield found

    def _at_ztunnel(self, policy: Resource) -> tuple[Rule, ...]:
        """Ztunnel compares trust domains as they are written."""
        rules: list[Rule] = []
        for written in clauses(policy, self._version):
            uses = [use for clause in written for match in clause for use in match.l7]
            if uses and action_of(policy) == "ALLOW":
                continue
            rules.append(
                tuple(
                    tuple(
                        tuple(atom for use in match.kept for atom in _kept(policy, use.path))
                        for match in clause
                        if not match.empty
                    )
                    for clause in written
                )
            )
        return tuple(rules)


def _kept(policy: Resource, path: str) -> Iterator[Atom]:
    """The atoms of a field that reaches ztunnel; of a condition, whose path ends in `.key`, both lists."""
    if path.endswith(".key"):
        yield from (
            _condition(value_at(policy, path.removesuffix(".key")), policy.namespace, ()) or ()
        )
        return
    name = path.rpartition(".")[2]
    yield from _fields({name: value_at(policy, path)}, policy.namespace, ())


def _proxy_rule(rule: Mapping[str, Any], namespace: str, domains: tuple[str, ...]) -> Rule | None:
    """All of its clauses; None where a condition is none that Istio knows: proxies skip such a rule."""
    found: list[Clause] = []
    for group, holder in (("from", "source"), ("to", "operation")):
        alternatives = rule.get(group) or ()
        if alternatives:
            found.append(
                tuple(
                    tuple(_fields(one.get(holder) or {}, namespace, domains))
                    for one in alternatives
                )
            )
    for when in rule.get("when") or ():
        atoms = _condition(when, namespace, domains)
        if atoms is None:
            return None
        found.append((atoms,))
    return tuple(found)


def _fields(fields: Mapping[str, Any], namespace: str, domains: tuple[str, ...]) -> Iterator[Atom]:
    for name, values in fields.items():
        negated = name.startswith("not")
        plain = name[3].lower() + name[4:] if negated else name
        key = _SOURCE.get(plain) or _OPERATION.get(plain)
        if key and values:
            yield Atom(key, _patterns(key, values, namespace, domains), negated)


def _condition(when: Mapping[str, Any], namespace: str, domains: tuple[str, ...]) -> Match | None:
    key = _key(when.get("key", ""))
    if key is None:
        return None
    both = ((when.get("values"), False), (when.get("notValues"), True))
    return tuple(
        Atom(key, _patterns(key, values, namespace, domains), negated)
        for values, negated in both
        if values
    )


@lru_cache(maxsize=1024)
def _key(name: str) -> str | None:
    if name in _WHEN:
        return _WHEN[name]
    for prefix, plain in (("request.headers[", "header:"), ("request.auth.claims[", "claim:")):
        if name.startswith(prefix) and name.endswith("]"):
            inner = name[len(prefix) : -1]
            return plain + (inner.lower() if plain == "header:" else inner)
    return f"{UNTOLD}{name}" if name.startswith("experimental.envoy.filters.") else None


def _patterns(
    key: str, values: Iterable[Any], namespace: str, domains: tuple[str, ...]
) -> tuple[str, ...]:
    texts = tuple(str(value) for value in values)
    adapt = _ADAPTED.get(key)
    return adapt(texts, namespace, domains) if adapt else texts


def _principals(texts: tuple[str, ...], _: str, domains: tuple[str, ...]) -> tuple[str, ...]:
    """`ReplaceTrustDomainAliases` of pilot/pkg/security/trustdomain/bundle.go."""
    found: dict[str, None] = {}
    for text in texts:
        parts = text.split("/")
        own = len(parts) == _IDENTITY_PARTS and (parts[0] == _LOCAL or parts[0] in domains)
        for domain in domains if own else ():
            found["/".join([domain, *parts[1:]])] = None
        if not own or not domains:
            found[text] = None
    return tuple(found)


def _accounts(texts: tuple[str, ...], namespace: str, _: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(text if "/" in text else f"{namespace}/{text}" for text in texts)


_ADAPTED: dict[str, Callable[[tuple[str, ...], str, tuple[str, ...]], tuple[str, ...]]] = {
    "principal": _principals,
    "account": _accounts,
}


def _atoms(rule: Rule) -> Iterator[Atom]:
    return (atom for clause in rule for match in clause for atom in match)


def _is_http_only(atom: Atom) -> bool:
    return atom.key.startswith(_HTTP_ONLY)


def _without_http(rule: Rule) -> Rule:
    """What a network filter is left with: fewer conditions, so a DENY denies more."""
    return tuple(
        tuple(tuple(a for a in match if not _is_http_only(a)) for match in clause)
        for clause in rule
    )
