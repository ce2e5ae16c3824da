"""What ztunnel makes of an AuthorizationPolicy, rule by rule.

Mirrors `convertAuthorizationPolicy` and `handleRule` of istio/istio
pilot/pkg/serviceregistry/ambient/authorization.go, and `Authorization::matches` of istio/ztunnel
src/rbac.rs: a policy matches if any rule does, a rule if every clause (from, to, each when) does, a
clause if any of its Matches does; a Match without fields never matches, a rule without clauses always.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from migrator.istio import labels as names
from migrator.istio.versions import Version
from migrator.model.fieldpath import below, field
from migrator.model.finding import Effect
from migrator.model.resource import Resource

from .targets import target_refs

_L4_SOURCE = frozenset(
    {"ipBlocks", "notIpBlocks", "namespaces", "notNamespaces", "principals", "notPrincipals"}
)
_ACCOUNTS = frozenset({"serviceAccounts", "notServiceAccounts"})
_L7_SOURCE = frozenset(
    {"remoteIpBlocks", "notRemoteIpBlocks", "requestPrincipals", "notRequestPrincipals"}
)
_L4_OPERATION = frozenset({"ports", "notPorts"})
_L4_WHEN = frozenset(
    {"source.ip", "source.namespace", "source.principal", "destination.ip", "destination.port"}
)
_ACCOUNTS_SINCE = Version(1, 26)
_BY_ACTION = {"CUSTOM": Effect.OPEN, "AUDIT": Effect.IGNORED}  # istiod sends neither to ztunnel
_BY_MATCHES = {"wider": Effect.WIDER, "narrower": Effect.NARROWER}
_ACTIONS = frozenset({"ALLOW", "DENY", *_BY_ACTION})  # istiod leaves a policy of any other one out
_GO_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})  # strconv.ParseBool


class Level(StrEnum):
    """What it takes to enforce a policy: L7 has a field, or an action, that only a proxy evaluates."""

    L4 = "L4"
    L7 = "L7"


@dataclass(frozen=True)
class FieldUse:
    """A field that a policy uses: where, and its name (for `when`, the key)."""

    path: str
    name: str


@dataclass(frozen=True)
class Match:
    """One element of `from`, `to` or `when`: its fields by what ztunnel does with them."""

    kept: tuple[FieldUse, ...] = ()
    l7: tuple[FieldUse, ...] = ()
    dropped_silently: tuple[FieldUse, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing of it reaches ztunnel: it never matches there."""
        return not self.kept

    @property
    def widened(self) -> bool:
        """Whether a part of its conditions reaches ztunnel: it matches more there."""
        return bool(self.kept) and bool(self.l7 or self.dropped_silently)


@dataclass(frozen=True)
class RuleEvaluation:
    """One rule at ztunnel.

    `matches`: `never`, `all`, `as-written`, `wider`, `narrower`; where a rule is both wider and narrower
    it is named by what opens: narrower for DENY, wider for ALLOW. `over_matches`: some request matches
    that was not asked for.
    """

    index: int
    effect: Effect
    l7: tuple[FieldUse, ...]
    dropped_silently: tuple[FieldUse, ...]
    matches: str
    over_matches: bool = False


@dataclass(frozen=True)
class Evaluation:
    """A policy, if ztunnel alone enforced it."""

    action: str
    level: Level
    effect: Effect
    rules: tuple[RuleEvaluation, ...]
    l7: tuple[FieldUse, ...]
    dropped_silently: tuple[FieldUse, ...]

    @property
    def over_matches(self) -> bool:
        """Whether some rule matches requests that it does not ask for; true beside `narrower` too."""
        return any(rule.over_matches for rule in self.rules)


def action_of(policy: Resource) -> str:
    return policy.spec.get("action") or "ALLOW"


def is_dry_run(policy: Resource) -> bool:
    """Whether the policy is only logged: by sidecars and waypoints, and not sent to ztunnel."""
    return policy.annotations.get(names.DRY_RUN, "") in _GO_TRUE


def evaluate(policy: Resource, version: Version) -> Evaluation:
    """What is left of `policy` if only ztunnel enforces it; `version` is the mesh's."""
    action = action_of(policy)
    rules = tuple(
        _evaluate_rule(i, rule, action) for i, rule in enumerate(clauses(policy, version))
    )
    l7 = tuple(use for rule in rules for use in rule.l7)
    needs_proxy = action in _ACTIONS and (bool(l7) or action in _BY_ACTION)
    return Evaluation(
        action=action,
        level=Level.L7 if needs_proxy else Level.L4,
        effect=Effect.IGNORED if _is_not_sent(policy) else _overall(action, rules),
        rules=rules,
        l7=l7,
        dropped_silently=tuple(use for rule in rules for use in rule.dropped_silently),
    )


def reaches_ztunnel(policy: Resource) -> bool:
    """Whether istiod gives the policy to ztunnel at all, and ztunnel knows its action."""
    return not _is_not_sent(policy) and action_of(policy) not in _BY_ACTION


def _is_not_sent(policy: Resource) -> bool:
    """Whether istiod never gives the policy to ztunnel, whatever its rules say.

    A selector without `matchLabels` selects all pods for a sidecar; `buildWorkloadPolicies`
    (pilot/pkg/serviceregistry/ambient/workloads.go) leaves such a policy out.
    """
    selector = policy.spec.get("selector")
    return (
        bool(target_refs(policy))
        or is_dry_run(policy)
        or action_of(policy) not in _ACTIONS
        or (selector is not None and "matchLabels" not in selector)
    )


def clauses(policy: Resource, version: Version) -> Iterator[list[list[Match]]]:
    """For each rule its clauses, each a list of Matches. An empty list is no clause, as in Go."""
    accounts = _ACCOUNTS if version >= _ACCOUNTS_SINCE else frozenset()
    for i, rule in enumerate(policy.spec.get("rules") or ()):
        at = field("spec", "rules", i)
        sources = [
            _match(one.get("source") or {}, f"{at}.from[{j}].source", _L4_SOURCE | accounts)
            for j, one in enumerate(rule.get("from") or ())
        ]
        operations = [
            _match(one.get("operation") or {}, f"{at}.to[{j}].operation", _L4_OPERATION)
            for j, one in enumerate(rule.get("to") or ())
        ]
        conditions = [
            [_condition(one, f"{at}.when[{j}]")] for j, one in enumerate(rule.get("when") or ())
        ]
        yield [clause for clause in (operations, sources, *conditions) if clause]


def _match(fields: Mapping[str, Any], at: str, supported: frozenset[str]) -> Match:
    kept, l7, dropped = [], [], []
    for name, values in fields.items():
        use = FieldUse(below(at, name), name)
        if not values:
            continue
        if name in supported:
            kept.append(use)
        elif at.endswith(".operation") or name in _L7_SOURCE:
            l7.append(use)
        else:
            dropped.append(use)
    return Match(tuple(kept), tuple(l7), tuple(dropped))


def _condition(when: Mapping[str, Any], at: str) -> Match:
    key = when.get("key", "")
    use = FieldUse(f"{at}.key", key)
    if key not in _L4_WHEN:
        return Match(l7=(use,))
    return Match(kept=(use,)) if when.get("values") or when.get("notValues") else Match()


def _evaluate_rule(index: int, clauses: Sequence[Sequence[Match]], action: str) -> RuleEvaluation:
    matches = [match for clause in clauses for match in clause]
    l7 = tuple(use for match in matches for use in match.l7)
    never = (action == "ALLOW" and bool(l7)) or any(
        all(match.empty for match in clause) for clause in clauses
    )
    wider = not never and any(match.widened for match in matches)
    narrower = any(match.empty for match in matches)
    if never:
        seen = "never"
    elif wider and (action == "ALLOW" or not narrower):
        seen = "wider"
    elif narrower:
        seen = "narrower"
    else:
        seen = "as-written" if clauses else "all"
    return RuleEvaluation(
        index=index,
        effect=_effect_of_rule(action, seen),
        l7=l7,
        dropped_silently=tuple(use for match in matches for use in match.dropped_silently),
        matches=seen,
        over_matches=wider,
    )


def _effect_of_rule(action: str, matches: str) -> Effect:
    if action in _BY_ACTION:
        return _BY_ACTION[action]
    if matches == "never":
        return Effect.OPEN if action == "DENY" else Effect.CLOSED
    return _BY_MATCHES.get(matches, Effect.FAITHFUL)


def _overall(action: str, rules: Sequence[RuleEvaluation]) -> Effect:
    """Of the whole policy: what opens counts before what closes."""
    effects = {rule.effect for rule in rules}
    if not rules or action in _BY_ACTION:  # without rules it matches nothing anywhere
        return next(iter(effects), Effect.FAITHFUL)
    if any(rule.matches == "all" for rule in rules):
        return Effect.FAITHFUL
    if len(effects) == 1:
        return effects.pop()
    partly_lost = bool(effects & {Effect.OPEN, Effect.CLOSED, Effect.NARROWER})
    if Effect.WIDER in effects and (action == "ALLOW" or not partly_lost):
        return Effect.WIDER
    return Effect.NARROWER if partly_lost else Effect.FAITHFUL
