"""What stands in the way of a request at one hop, and what it says.

Mutual TLS, CUSTOM, tokens, DENY, ALLOW, in the order of istio/istio
pilot/pkg/networking/core/listener_builder.go. For ztunnel: src/rbac.rs of istio/ztunnel.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from migrator.model.resource import Ref, Resource

from .policies import UNTOLD, Atom, Compiled, Level, Values

FORGED = "a token that no issuer signed"
REFUSES = "refuses"
_TOKEN_KEYS = ("token", "claim:")


class By:
    """Who enforces, as reports name it."""

    SIDECAR = "sidecar"
    ZTUNNEL = "ztunnel"
    WAYPOINT = "waypoint"
    GATEWAY = "gateway"


class Outcome(NamedTuple):
    """What one hop says. `allowed` is None where it depends on what nobody has told."""

    allowed: bool | None
    policy: Ref | None = None
    why: str = ""


_ALLOWED = Outcome(allowed=True)


@dataclass(frozen=True)
class Tokens:
    """The RequestAuthentications of a hop: whose tokens it knows, and which of them it passes on."""

    policies: tuple[Resource, ...] = ()

    @cached_property
    def rules(self) -> tuple[Mapping[str, Any], ...]:
        return tuple(rule for p in self.policies for rule in p.spec.get("jwtRules") or ())

    @cached_property
    def issuers(self) -> frozenset[str]:
        return frozenset(str(rule.get("issuer", "")) for rule in self.rules)

    def passes_on(self, issuer: str) -> bool:
        """A proxy takes a token out that it has validated, unless told to leave it."""
        return any(r.get("issuer") == issuer and r.get("forwardOriginalToken") for r in self.rules)

    def outcome(self, token: str | None) -> Outcome:
        if token is None or not self.issuers or issuer_of(token) in self.issuers:
            return _ALLOWED
        return _denied(self.policies[0].ref, "the token is of no issuer that it knows")


def issuer_of(token: str) -> str:
    return token.rpartition("/")[0]


@dataclass(frozen=True, eq=False)
class Enforcing:
    """The policies of one enforcer for one set of pods, or for one Service.

    `unusable`: external authorizers that istiod cannot ask for these policies: it denies what they match
    (`getBadCustomDenyRules` of istio/istio pilot/pkg/security/authz/builder/builder.go).
    """

    by: str
    where: Ref
    http: tuple[Compiled, ...] = ()
    tcp: tuple[Compiled, ...] = ()
    tokens: Tokens = Tokens()
    strict_ports: Mapping[int, str] | None = None
    mode: str = "PERMISSIVE"
    mtls_policy: Ref | None = None
    unusable: frozenset[str] = frozenset()

    @cached_property
    def key(self) -> tuple[Any, ...]:
        """What makes two of them the same in different meshes."""
        bodies = tuple((c.policy.ref, c.policy.annotations, c.policy.spec) for c in self.http)
        tokens = tuple((p.ref, p.spec) for p in self.tokens.policies)
        return (self.by, self.where, bodies, tokens, self.strict_ports, self.mode, self.unusable)

    def at(self, level: Level) -> tuple[Compiled, ...]:
        return self.http if level is Level.HTTP else self.tcp

    def mtls_at(self, port: int) -> str:
        return (self.strict_ports or {}).get(port, self.mode)

    def ports(self) -> frozenset[int]:
        """The ports that its policies name."""
        named = (
            text for p in self.http for a in p.atoms() if a.key == "port" for text in a.patterns
        )
        return frozenset(
            {*(int(text) for text in named if text.isdigit()), *(self.strict_ports or {})}
        )

    def atoms(self, level: Level) -> Iterator[Atom]:
        for policy in self.at(level):
            yield from policy.atoms()

    def outcome(self, values: Values, level: Level, *, plaintext: bool, port: int) -> Outcome:
        """What it says of a request with these fields."""
        if plaintext and self.mtls_at(port) == "STRICT":
            return _denied(self.mtls_policy, "plaintext is refused")
        policies = self.at(level)
        if self.by == By.ZTUNNEL:
            return _authorize(policies, values)
        first = (
            self._before_authorization(policies, values)
            if level is Level.HTTP
            else self._custom(policies, values)
        )
        if first.allowed is not True:
            return first
        return _authorize(policies, self._with_token(values))

    def _before_authorization(self, policies: tuple[Compiled, ...], values: Values) -> Outcome:
        """External authorizers are asked before a token has been looked at."""
        without = {k: v for k, v in values.items() if not k.startswith(_TOKEN_KEYS)}
        asked = self._custom(policies, {**without, "token": None})
        if asked.allowed is not True:
            return asked
        return self.tokens.outcome(values.get("token"))

    def _custom(self, policies: Iterable[Compiled], values: Values) -> Outcome:
        for policy in policies:
            if policy.action != "CUSTOM":
                continue
            unusable = policy.provider in self.unusable
            if not unusable and values.get(f"authorizer:{policy.provider}") != REFUSES:
                continue
            met = policy.matches(values)
            if met is True:
                does = "cannot be asked" if unusable else "refuses"
                return _denied(policy.policy.ref, f"{policy.provider or 'its authorizer'} {does}")
            if met is None:
                return _unsure(policy, values)
        return _ALLOWED

    def _with_token(self, values: Values) -> Values:
        """A token that nobody validates says nothing."""
        token = values.get("token")
        if token is not None and issuer_of(token) in self.tokens.issuers:
            return values
        return {k: v for k, v in values.items() if not k.startswith(_TOKEN_KEYS)}

    def passed_on(self, values: Values, level: Level) -> Values:
        """The fields as the next hop gets them."""
        token = values.get("token")
        taken = (
            level is Level.HTTP
            and token is not None
            and issuer_of(token) in self.tokens.issuers
            and not self.tokens.passes_on(issuer_of(token))
        )
        if not taken:
            return values
        return {k: v for k, v in values.items() if not k.startswith(_TOKEN_KEYS)}


def _authorize(policies: Iterable[Compiled], values: Values) -> Outcome:
    """A DENY that matches decides, then whether some ALLOW does, if there is one at all."""
    by_action: dict[str, list[tuple[Compiled, bool | None]]] = {"DENY": [], "ALLOW": []}
    for policy in policies:
        if policy.action in by_action:
            by_action[policy.action].append((policy, policy.matches(values)))
    denies, allows = by_action["DENY"], by_action["ALLOW"]
    for policy, met in denies:
        if met:
            return _denied(policy.policy.ref, "it denies this")
    if allows and all(met is False for _, met in allows):
        return _denied(allows[0][0].policy.ref, "no ALLOW policy in force allows this")
    admitted = not allows or any(met for _, met in allows)
    unsure = [p for p, met in (*denies, *(() if admitted else allows)) if met is None]
    return _unsure(unsure[0], values) if unsure else _ALLOWED


def _denied(policy: Ref | None, why: str) -> Outcome:
    return Outcome(allowed=False, policy=policy, why=why)


def _unsure(policy: Compiled, values: Values) -> Outcome:
    unknown = {atom.key for atom in policy.atoms() if atom.holds(values) is None}
    keys = ", ".join(sorted(key.removeprefix(UNTOLD) for key in unknown))
    return Outcome(None, policy.policy.ref, f"it asks for {keys}, which is not known here")
