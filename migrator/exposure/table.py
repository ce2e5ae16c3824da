"""The exposure table: for each policy and each class of callers who enforces it, and how faithfully.

`wider`: some request is matched that the policy does not ask for; `narrower`: some request that it asks
for is not. Where both hold, that one is told which opens: a DENY that is narrower, an ALLOW that is wider.
Compared is what the policy matches, not what becomes of the request: others may deny it.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from migrator.istio import kinds
from migrator.model.resource import Ref, Resource

from .callers import Between
from .calling import Caller, Sending, Target
from .enforcing import By
from .facts import Facts
from .paths import Hop, Path, paths
from .policies import Compiled, Level, Values
from .requests import Choice, told_apart
from .state import State
from .targets import pairs
from .verdict import identity, seen_at, servers_of


class Enforcement(StrEnum):
    """How a policy is enforced on a way; `none`: by nobody; `unknown`: by what is not known there."""

    FAITHFUL = "faithful"
    WIDER = "wider"
    NARROWER = "narrower"
    NONE = "none"
    UNKNOWN = "unknown"


class Row(NamedTuple):
    """A policy as it is enforced for one class of callers, and the workloads where that is so.

    `by` is empty where nobody does.
    """

    policy: Ref
    caller: Caller
    by: str
    enforcement: Enforcement
    servers: tuple[Ref, ...]


_CLASSES = (Caller.SIDECAR, Caller.AMBIENT, Caller.GATEWAY, Caller.OUTSIDE)


def table(state: State, *, only: frozenset[Ref] | None = None) -> tuple[Row, ...]:
    """Every policy that is in force somewhere; `only` limits it to these Services and workloads."""
    found: dict[tuple[Ref, Caller, str, Enforcement], dict[Ref, None]] = {}
    model = _Table(state)
    for pair in pairs(model.facts, model.facts, only):
        for key in model.of_target(pair.before):
            found.setdefault(key, {}).update(dict.fromkeys(sorted(pair.servers)))
    return tuple(Row(*key, tuple(found[key])) for key in sorted(found))


_Key = tuple[Ref, Caller, str, Enforcement]


class _Table:
    def __init__(self, state: State) -> None:
        self.facts = Facts.of(state)
        self._callers = Between(state, state)
        self._read: dict[tuple[Resource, Level], _Reading | None] = {}

    def of_target(self, target: Target) -> Iterator[_Key]:
        for caller in _CLASSES:
            for workload, pods in servers_of(self.facts.state, target):
                attached = self.facts.attached(workload, pods)
                policies = (*attached, *self.facts.bound_to(target.service))
                for way in paths(self.facts, Sending(caller), target, workload, pods):
                    yield from self._of_way(way, policies, target.levels[0])

    def _of_way(self, way: Path, policies: Iterable[Resource], level: Level) -> Iterator[_Key]:
        if way.refused or way.unknown:
            return
        for policy in policies:
            told = self._told(policy, way, level)
            if told is not None:
                yield (policy.ref, way.caller, *told)

    def _told(self, policy: Resource, way: Path, level: Level) -> tuple[str, Enforcement] | None:
        match policy.ref.group_kind:
            case kinds.AUTHORIZATION_POLICY:
                return self._authorization(policy, way, level)
            case kinds.REQUEST_AUTHENTICATION:
                at = [h for h in way.hops if policy in h.enforcing.tokens.policies]
                found = at if level is Level.HTTP else []
            case _:
                found = [h for h in way.hops[-1:] if h.enforcing.by in {By.SIDECAR, By.ZTUNNEL}]
        return (found[0].enforcing.by, Enforcement.FAITHFUL) if found else ("", Enforcement.NONE)

    def _authorization(
        self, policy: Resource, way: Path, level: Level
    ) -> tuple[str, Enforcement] | None:
        reading = self._reading(policy, level)
        if reading is None:
            return None
        for hop in way.hops:
            for compiled in hop.enforcing.at(level):
                if compiled.policy is policy:
                    return hop.enforcing.by, self._compared(reading, compiled, hop, way.caller)
        return "", Enforcement.NONE

    def _reading(self, policy: Resource, level: Level) -> "_Reading | None":
        """The policy as a proxy would read it, and the requests that it tells apart; None for a dry run."""
        key = (policy, level)
        if key not in self._read:
            asked = self.facts.as_written(policy, level)
            if asked is None:
                self._read[key] = None
            else:
                self._read[key] = _Reading(asked, told_apart((asked,), set(), level).choices)
        return self._read[key]

    def _compared(
        self, reading: "_Reading", compiled: Compiled, hop: Hop, caller: Caller
    ) -> Enforcement:
        wider = narrower = False
        for who in self._identities(reading, caller):
            for choice in reading.choices:
                values = {**choice, **who, "port": str(hop.port)}
                asked, done = reading.asked.matches(values), compiled.matches(seen_at(hop, values))
                if done is None or asked is None:
                    return Enforcement.UNKNOWN
                wider = wider or (done and not asked)
                narrower = narrower or (asked and not done)
        opens = Enforcement.WIDER if compiled.action == "ALLOW" else Enforcement.NARROWER
        if wider and narrower:
            return opens
        if wider:
            return Enforcement.WIDER
        return Enforcement.NARROWER if narrower else Enforcement.FAITHFUL

    def _identities(self, reading: "_Reading", caller: Caller) -> tuple[Values, ...]:
        if caller is Caller.OUTSIDE:
            return (identity(""),)
        samples = self._callers.samples(reading.asked.atoms())
        found = dict.fromkeys(s.source.principal for s in samples if s.source.principal)
        return tuple(identity(principal) for principal in found)


class _Reading(NamedTuple):
    asked: Compiled
    choices: tuple[Choice, ...]
