"""Who may call in two states, in classes that no policy in question tells apart.

A class stands for every workload with the same ways of sending and the same answers to each field about
identity. Identities that policies name and no workload of the source has are callers too, of whom nothing
is claimed.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

from migrator.istio.traffic import fronts
from migrator.istio.workloads import Role, Workload
from migrator.model.resource import Ref

from .calling import CALLERS, Caller
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
BEYOND: Ways = (_OUTSIDE, _OUTSIDE)


class Source(NamedTuple):
    """One caller: a workload, or with `ref` None somebody whom the source does not hold.

    `since` and `until`: from which moment, and before which, it sends in its later ways, where that is told.
    """

    ref: Ref | None
    principal: str
    ways: Ways
    since: int | None = None
    until: int | None = None


class Sample(NamedTuple):
    """A caller that stands for its class. `alone`: policies name it, so that it stands for itself."""

    source: Source
    alone: bool

    @property
    def is_seen(self) -> bool:
        """Whether the source holds such a caller; outside the mesh there is always somebody."""
        return self.source.ref is not None or not self.source.principal


Cell = dict[str, list[Source]]  # by namespace
OUTSIDE = Sample(Source(None, "", BEYOND), alone=True)


class Sampled(ABC):
    """Somebody who may call, in classes. `domain`: the mesh's trust domain; `limited`: these and nobody else
    but those outside the mesh.
    """

    def __init__(self, domain: str, *, limited: bool) -> None:
        self._domain = domain
        self._limited = limited
        self._samples: dict[frozenset[Pattern], tuple[Sample, ...]] = {}
        self._by_wild: dict[frozenset[Pattern], Mapping[object, Cell]] = {}

    @property
    @abstractmethod
    def all(self) -> Mapping[str, tuple[Source, ...]]:
        """By identity: once for each pair of ways in which its workloads send."""

    @abstractmethod
    def is_known(self, principal: str) -> bool:
        """Whether the identity is somebody's: a workload's, or a waypoint's, who calls for others only."""

    @cached_property
    def moved(self) -> bool:
        """Whether somebody sends in another way than before."""
        return any(s.ways[0] != s.ways[1] for known in self.all.values() for s in known)

    def samples(self, atoms: Iterable[Atom]) -> tuple[Sample, ...]:
        """One caller of each class that the fields about identity tell apart."""
        patterns = frozenset(
            (atom.key, text) for atom in atoms if atom.key in IDENTITY for text in atom.patterns
        )
        found = self._samples.get(patterns)
        if found is None:
            found = self._samples[patterns] = tuple(self._pick(patterns))
        return found

    def _pick(self, patterns: frozenset[Pattern]) -> Iterator[Sample]:
        yield OUTSIDE
        named = sorted({p for p in (self._named(*one) for one in patterns) if p})
        for principal in named:
            for source in self.named(principal):
                yield Sample(source, alone=True)
            if not (self._limited or self.is_known(principal)):
                yield Sample(Source(None, principal, (_SIDECAR, _SIDECAR)), alone=True)
        namespaces = {text for key, text in patterns if key == "namespace" and "*" not in text}
        wild = frozenset(p for p in patterns if "*" in p[1] and p[1] != "*")
        yield from self.others(frozenset(named), namespaces, wild)

    def named(self, principal: str) -> tuple[Source, ...]:
        """The callers with this identity."""
        return self.all.get(principal, ())

    def others(
        self, named: frozenset[str], namespaces: set[str], wild: frozenset[Pattern]
    ) -> Iterator[Sample]:
        """One of each class that no policy names."""
        for cell in self._cells(wild).values():
            yield from _of_cell(cell, named, namespaces)

    def _named(self, key: str, text: str) -> str:
        """The identity that a pattern names by itself."""
        if "*" in text:
            return ""
        if key == "account":
            namespace, _, account = text.partition("/")
            return principal_of(self._domain, namespace, account)
        return text if key == "principal" else ""

    def _cells(self, wild: frozenset[Pattern]) -> Mapping[object, Cell]:
        """Callers by their ways and by which patterns with a wildcard they meet, then by namespace."""
        if wild not in self._by_wild:
            ordered = sorted(wild)
            cells: dict[object, Cell] = {}
            for source in (one for known in self.all.values() for one in known):
                values = identity(source.principal)
                met = tuple(matches(key, text, values[key] or "") for key, text in ordered)
                cell = cells.setdefault((source.ways, met), {})
                cell.setdefault(values["namespace"] or "", []).append(source)
            self._by_wild[wild] = cells
        return self._by_wild[wild]


class Between(Sampled):
    """The callers of two states; `among` limits them to these workloads, and to those outside."""

    def __init__(self, before: State, after: State, among: frozenset[Ref] | None = None) -> None:
        super().__init__(before.mesh.config.trust_domain, limited=among is not None)
        self.before, self.after, self.among = before, after, among

    @cached_property
    def all(self) -> Mapping[str, tuple[Source, ...]]:
        """By identity: once for each pair of ways in which its workloads send."""
        found: dict[str, dict[Ways, Source]] = {}
        for workload in self.before.mesh.workloads:
            later = self.after.mesh.workload(workload.ref)
            if later is None or not may_call(workload):
                continue
            if self.among is not None and workload.ref not in self.among:
                continue
            ways = (ways_of(self.before, workload), ways_of(self.after, later))
            if ways == BEYOND:
                continue  # `OUTSIDE` is these and all others
            principal = principal_of(self._domain, workload.namespace, workload.service_account)
            known = found.setdefault(principal, {})
            known.setdefault(ways, Source(workload.ref, principal, ways))
        return {principal: tuple(known.values()) for principal, known in found.items()}

    def is_known(self, principal: str) -> bool:
        """Whether the identity is somebody's: a workload's, or a waypoint's, who calls for others only."""
        return principal in self.all or principal in self._waypoints

    @cached_property
    def _waypoints(self) -> frozenset[str]:
        return frozenset().union(*(waypoints_of(state) for state in (self.before, self.after)))


def _of_cell(cell: Cell, named: frozenset[str], namespaces: set[str]) -> Iterator[Sample]:
    """Of each namespace that is named one caller that is not, and one of all the others."""
    for namespace in sorted(namespaces & cell.keys()):
        yield from _first(cell[namespace], named)
    others = (one for name, known in cell.items() if name not in namespaces for one in known)
    yield from _first(others, named)


def _first(sources: Iterable[Source], named: frozenset[str]) -> Iterator[Sample]:
    others = (one for one in sources if one.principal not in named)
    found = next(others, None)
    if found is None:
        return
    if found.since is None:
        yield Sample(found, alone=False)
        return
    kept = (found, *others)
    yield Sample(together(kept), alone=len({one.principal for one in kept}) == 1)


def together(sources: Iterable[Source]) -> Source:
    """One that stands for several, from the first moment of any to the last of any."""
    found = sorted(sources, key=lambda one: (one.since or 0, one.ref or ()))
    return found[0]._replace(until=max(one.until or 0 for one in found))


def ways_of(state: State, workload: Workload) -> frozenset[Caller]:
    """How its pods send."""
    return frozenset(CALLERS[p.mode] for p in state.pods_of(workload) if p.mode in CALLERS)


def may_call(workload: Workload) -> bool:
    """Whether it is one of those whose calls are looked at."""
    return workload.role in _CALLING


def principal_of(domain: str, namespace: str, account: str) -> str:
    """An identity as certificates bear it."""
    return f"{domain}/ns/{namespace}/sa/{account}"


def waypoints_of(state: State) -> frozenset[str]:
    """The identities of its waypoints."""
    return frozenset(
        fronts.principal(state.mesh, gateway.ref) for gateway in state.mesh.waypoints.gateways
    )
