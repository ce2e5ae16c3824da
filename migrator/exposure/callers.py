"""Who may call in two states, in classes that no policy in question tells apart.

A class stands for every workload with the same ways of sending and the same answers to each field about
identity. Identities that policies name and no workload of the source has are callers too, of whom nothing
is claimed.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from migrator.istio import fronts
from migrator.istio.workloads import Role, Workload
from migrator.model.resource import Ref

from .paths import CALLERS, Caller
from .patterns import matches
from .policies import Atom
from .state import State
from .verdict import identity

IDENTITY = frozenset({"principal", "namespace", "account", "trust"})
_CALLING = frozenset({Role.APP, Role.GATEWAY})
Ways = tuple[frozenset[Caller], frozenset[Caller]]  # before, after
Pattern = tuple[str, str]  # field, text
_SIDECAR = frozenset({Caller.SIDECAR})
_OUTSIDE = frozenset({Caller.OUTSIDE})


class Source(NamedTuple):
    """One caller: a workload, or with `ref` None somebody whom the source does not hold."""

    ref: Ref | None
    principal: str
    ways: Ways


class Sample(NamedTuple):
    """A caller that stands for its class. `alone`: policies name it, so that it stands for itself."""

    source: Source
    alone: bool

    @property
    def is_seen(self) -> bool:
        """Whether the source holds such a caller; outside the mesh there is always somebody."""
        return self.source.ref is not None or not self.source.principal


Cell = dict[str, list[Source]]  # by namespace
OUTSIDE = Sample(Source(None, "", (_OUTSIDE, _OUTSIDE)), alone=True)


@dataclass(frozen=True, eq=False)
class Callers:
    """The callers of two states; `among` limits them to these workloads, and to those outside."""

    before: State
    after: State
    among: frozenset[Ref] | None = None

    def samples(self, atoms: Iterable[Atom]) -> tuple[Sample, ...]:
        """One caller of each class that the fields about identity tell apart."""
        patterns = frozenset(
            (atom.key, text) for atom in atoms if atom.key in IDENTITY for text in atom.patterns
        )
        found = self._samples.get(patterns)
        if found is None:
            found = self._samples[patterns] = tuple(self._pick(patterns))
        return found

    @cached_property
    def _samples(self) -> dict[frozenset[Pattern], tuple[Sample, ...]]:
        return {}

    @cached_property
    def moved(self) -> bool:
        """Whether somebody sends in another way than before."""
        return any(s.ways[0] != s.ways[1] for known in self._all.values() for s in known)

    @cached_property
    def _all(self) -> Mapping[str, tuple[Source, ...]]:
        """By identity: once for each pair of ways in which its workloads send."""
        found: dict[str, dict[Ways, Source]] = {}
        for workload in self.before.mesh.workloads:
            later = self.after.mesh.workload(workload.ref)
            if workload.role not in _CALLING or later is None:
                continue
            if self.among is not None and workload.ref not in self.among:
                continue
            ways = (_ways(self.before, workload), _ways(self.after, later))
            if ways == (_OUTSIDE, _OUTSIDE):
                continue  # `OUTSIDE` is these and all others
            principal = self._principal(workload.namespace, workload.service_account)
            known = found.setdefault(principal, {})
            known.setdefault(ways, Source(workload.ref, principal, ways))
        return {principal: tuple(known.values()) for principal, known in found.items()}

    @cached_property
    def _known(self) -> frozenset[str]:
        """Identities that are somebody's; those of waypoints too, who call for others only."""
        waypoints = (
            fronts.principal(state.mesh, gateway.ref)
            for state in (self.before, self.after)
            for gateway in state.mesh.waypoints.gateways
        )
        return frozenset({*self._all, *waypoints})

    def _principal(self, namespace: str, account: str) -> str:
        return f"{self.before.mesh.config.trust_domain}/ns/{namespace}/sa/{account}"

    def _pick(self, patterns: frozenset[Pattern]) -> Iterator[Sample]:
        yield OUTSIDE
        named = sorted({p for p in (self._named(*one) for one in patterns) if p})
        for principal in named:
            for source in self._all.get(principal, ()):
                yield Sample(source, alone=True)
            if principal not in self._known and self.among is None:
                yield Sample(Source(None, principal, (_SIDECAR, _SIDECAR)), alone=True)
        namespaces = {text for key, text in patterns if key == "namespace" and "*" not in text}
        wild = frozenset(p for p in patterns if "*" in p[1] and p[1] != "*")
        for cell in self._cells(wild).values():
            yield from _of_cell(cell, frozenset(named), namespaces)

    def _named(self, key: str, text: str) -> str:
        """The identity that a pattern names by itself."""
        if "*" in text:
            return ""
        if key == "account":
            namespace, _, account = text.partition("/")
            return self._principal(namespace, account)
        return text if key == "principal" else ""

    def _cells(self, wild: frozenset[Pattern]) -> Mapping[object, Cell]:
        """Callers by their ways and by which patterns with a wildcard they meet, then by namespace."""
        if wild not in self._by_wild:
            ordered = sorted(wild)
            cells: dict[object, Cell] = {}
            for source in (one for known in self._all.values() for one in known):
                values = identity(source.principal)
                met = tuple(matches(key, text, values[key] or "") for key, text in ordered)
                cell = cells.setdefault((source.ways, met), {})
                cell.setdefault(values["namespace"] or "", []).append(source)
            self._by_wild[wild] = cells
        return self._by_wild[wild]

    @cached_property
    def _by_wild(self) -> dict[frozenset[Pattern], Mapping[object, Cell]]:
        return {}


def _of_cell(cell: Cell, named: frozenset[str], namespaces: set[str]) -> Iterator[Sample]:
    """Of each namespace that is named one caller that is not, and one of all the others."""
    for namespace in sorted(namespaces & cell.keys()):
        yield from _first(cell[namespace], named)
    others = (one for name, known in cell.items() if name not in namespaces for one in known)
    yield from _first(others, named)


def _first(sources: Iterable[Source], named: frozenset[str]) -> Iterator[Sample]:
    found = next((one for one in sources if one.principal not in named), None)
    if found is not None:
        yield Sample(found, alone=False)


def _ways(state: State, workload: Workload) -> frozenset[Caller]:
    return frozenset(CALLERS[p.mode] for p in state.pods_of(workload) if p.mode in CALLERS)
