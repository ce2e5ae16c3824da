"""The ways to one target in one state, by how a caller sends and by where it is."""

from collections.abc import Iterator, Mapping
from functools import cached_property

from .calling import Caller, Sending, Target
from .enforcing import Enforcing
from .facts import Facts
from .paths import Path
from .policies import Atom
from .verdict import paths_to

SENDERS = (
    Caller.SIDECAR,
    Caller.AMBIENT,
    Caller.GATEWAY,
    Caller.OUTSIDE,
    Caller.PROXYLESS,
    Caller.PENDING,
)
Keys = list[tuple[object, ...]]


class Reach:
    """Computed once. `homes`: namespaces whose proxies send in another way than those of all others."""

    def __init__(self, facts: Facts, target: Target) -> None:
        self.homes = facts.client_side.homes(target.service)
        self._ways = {
            one: tuple(paths_to(facts, one, target))
            for one in (Sending(caller, home) for caller in SENDERS for home in ("", *self.homes))
        }

    def of(self, caller: Caller, namespace: str) -> tuple[Path, ...]:
        """The ways of somebody in this namespace."""
        return self._ways.get(Sending(caller, namespace if namespace in self.homes else ""), ())

    @cached_property
    def keys(self) -> Mapping[Sending, Keys]:
        """What tells the ways from others."""
        return {one: keys_of(ways) for one, ways in self._ways.items()}

    def keys_of(self, one: Sending) -> Keys:
        """Those of a sender whom another state may tell from others, and this one not."""
        return self.keys[one if one in self.keys else Sending(one.caller)]

    def enforcers(self) -> Iterator[Enforcing]:
        """Of all hops, in order, some more than once."""
        return (hop.enforcing for ways in self._ways.values() for way in ways for hop in way.hops)


def keys_of(ways: tuple[Path, ...]) -> Keys:
    """What tells them from others; a key cannot be hashed."""
    found: Keys = []
    for way in ways:
        if way.key not in found:
            found.append(way.key)
    return found


def told_apart(homes: frozenset[str]) -> tuple[Atom, ...]:
    """What tells callers apart by their namespaces alone."""
    return (Atom("namespace", tuple(sorted(homes)), negated=False),) if homes else ()
