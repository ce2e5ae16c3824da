"""The finite set of requests that the policies on a way can tell apart.

For each field the values that its patterns tell apart (`patterns.candidates`), and its absence; then every
combination. Beyond `LIMIT` combinations fields that no rule combines vary one after the other.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import product
from math import prod
from typing import NamedTuple

from .enforcing import FORGED, REFUSES, Enforcing
from .patterns import UNMATCHED_IP, candidates
from .policies import UNTOLD, Atom, Compiled, Level

LIMIT = 4096
_ALWAYS = {"method": "GET", "path": "/", "host": "unmatched", "source.ip": UNMATCHED_IP,
           "remote.ip": UNMATCHED_IP}  # fmt: skip
_NOT_ASKED = frozenset({"principal", "namespace", "account", "trust", "port"})
_ABSENT = ("header:", "claim:", "token")
Choice = Mapping[str, str | None]


class Requests(NamedTuple):
    """`complete`: every combination is there."""

    choices: tuple[Choice, ...]
    complete: bool


def distinguishing(enforcers: Sequence[Enforcing], level: Level) -> Requests:
    """Requests that differ for some of the enforcers, whoever sends them."""
    policies = tuple(dict.fromkeys(p for one in enforcers for p in one.at(level)))
    issuers = {i for one in enforcers for i in one.tokens.issuers}
    return told_apart(policies, issuers, level)


def told_apart(policies: Sequence[Compiled], issuers: set[str], level: Level) -> Requests:
    """Requests that differ for some of the policies; `issuers` are those whose tokens somebody knows."""
    issuers = issuers if level is Level.HTTP else set()
    fields = _fields(policies, issuers)
    size = prod(len(values) for values in fields.values())
    if size <= LIMIT:
        return Requests(tuple(_sensible(_combined(fields))), complete=True)
    groups = _groups(policies, fields)
    return Requests(tuple(_sensible(_one_after_the_other(fields, groups))), complete=False)


def _fields(policies: Iterable[Compiled], issuers: set[str]) -> dict[str, tuple[str | None, ...]]:
    patterns: dict[str, dict[str, None]] = {}
    fields: dict[str, tuple[str | None, ...]] = {}
    for policy in policies:
        if policy.action == "CUSTOM":
            fields[f"authorizer:{policy.provider}"] = (None, REFUSES)
        for atom in policy.atoms():
            if atom.key not in _NOT_ASKED and not atom.key.startswith(UNTOLD):
                patterns.setdefault(atom.key, {}).update(dict.fromkeys(atom.patterns))
    for key, texts in patterns.items():
        absent = (None,) if key.startswith(_ABSENT) else ()
        fields[key] = (*absent, *_candidates(key, tuple(texts)))
    if issuers:
        tokens = [f"{issuer}/unmatched" for issuer in sorted(issuers)]
        fields["token"] = tuple(dict.fromkeys((*fields.get("token", (None,)), *tokens, FORGED)))
    return fields


@lru_cache(maxsize=4096)
def _candidates(key: str, patterns: tuple[str, ...]) -> tuple[str, ...]:
    return candidates(key, patterns)


def _combined(fields: Mapping[str, Sequence[str | None]]) -> Iterator[dict[str, str | None]]:
    for values in product(*fields.values()):
        yield {**_ALWAYS, **dict(zip(fields, values, strict=True))}


def _sensible(choices: Iterable[dict[str, str | None]]) -> Iterator[Choice]:
    """A claim stands in a token or nowhere."""
    for choice in choices:
        claims = any(v is not None for key, v in choice.items() if key.startswith("claim:"))
        if not claims or choice.get("token") not in {None, FORGED}:
            yield choice


def _groups(
    policies: Iterable[Compiled], fields: Mapping[str, Sequence[str | None]]
) -> tuple[frozenset[str], ...]:
    """Fields that stand in one rule together, directly or through others."""
    groups = [frozenset({key}) for key in fields]
    for policy in policies:
        for rule in policy.rules:
            together = (
                frozenset(atom.key for clause in rule for match in clause for atom in match)
                & fields.keys()
            )
            met = [group for group in groups if group & together]
            if met:
                groups = [g for g in groups if g not in met] + [frozenset().union(*met)]
    return tuple(groups)


def _one_after_the_other(
    fields: Mapping[str, Sequence[str | None]], groups: Iterable[frozenset[str]]
) -> Iterator[dict[str, str | None]]:
    usual = {key: values[0] for key, values in fields.items()}
    for group in groups:
        varied = {key: values for key, values in fields.items() if key in group}
        for number, choice in enumerate(_combined(varied)):
            if number >= LIMIT:
                break
            yield {**usual, **choice}


def in_words(choice: Choice, level: Level, atoms: Iterable[Atom] = ()) -> str:
    """The request as a person would say it: method and path, then what some policy asks for."""
    parts = ["a connection"] if level is Level.TCP else [f"{choice['method']} {choice['path']}"]
    asked = {atom.key for atom in atoms}
    for key, value in sorted(choice.items()):
        if key in {"method", "path"} or (key in _ALWAYS and key not in asked):
            continue
        if level is Level.TCP and key.startswith((*_ABSENT, "host")):
            continue
        parts += _said(key, value)
    return ", ".join(parts)


def _said(key: str, value: str | None) -> list[str]:
    kind, _, name = key.partition(":")
    match kind:
        case "header" | "claim":
            return (
                [f"with {kind} {name}: {value}"]
                if value is not None
                else [f"without {kind} {name}"]
            )
        case "token":
            return (
                [f"with {value if value == FORGED else f'a token of {value}'}"]
                if value
                else ["without token"]
            )
        case "authorizer":
            return [f"which the authorizer {name} refuses"] if value else []
        case "host":
            return [f"host {value}"]
        case _:
            return [f"from address {value}" if key == "source.ip" else f"forwarded for {value}"]
