"""What is found out of one namespace, told of all that are alike and see the same callers meanwhile."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from migrator.exposure.callers import IDENTITY, Ways
from migrator.exposure.change import Change
from migrator.exposure.crowd import Crowd, Histories, Member
from migrator.exposure.routing import Bound
from migrator.istio.mesh import Mesh
from migrator.model.resource import Ref

from .history import History
from .likeness import Likeness, renaming
from .localities import Localities

if TYPE_CHECKING:
    from .course import Calls
    from .exposing import Exposed

_Found = tuple["Exposed", ...]
_Seen = tuple[Any, ...]


class Place(NamedTuple):
    """A namespace: what it is like, and the moments of its steps."""

    namespace: str
    key: object
    moments: tuple[int, ...]


class _Told(NamedTuple):
    place: Place
    found: _Found


class Asking(NamedTuple):
    """Who calls, and who is known to call whom; with what was found of that so far."""

    crowd: Crowd
    calls: "Calls"
    told: dict[tuple[object, _Seen], _Told]


class Repeats:
    """The namespaces of a mesh, of which the first of each kind is looked at."""

    def __init__(self, mesh: Mesh, localities: Localities, end: int) -> None:
        self._localities = localities
        self._end = end
        self._places: list[Place] = []
        self._firsts: dict[object, History] = {}
        likeness = Likeness(mesh, localities)
        for locality in localities:
            history = History(locality, end)
            key = likeness.key(locality)
            self._firsts.setdefault(key, history)
            self._places.append(Place(locality.namespace, key, history.moments))
        self._sizes = Counter(place.key for place in self._places)
        self._asked: dict[object, _Asked] = {}
        self._bound: dict[object, tuple[tuple[int, Bound], ...]] = {}

    def __iter__(self) -> Iterator[Place]:
        return iter(self._places)

    def kinds(self) -> Iterator[tuple[History, list[Place]]]:
        """What namespaces of each kind go through, and all of that kind."""
        found: dict[object, list[Place]] = {}
        for place in self._places:
            found.setdefault(place.key, []).append(place)
        for key, places in found.items():
            yield self._firsts[key], places

    def anew(self, place: Place) -> History:
        """What one namespace goes through, by itself."""
        return History(self._localities.of(place.namespace), self._end)

    def members(self) -> Iterator[Member]:
        """Everybody who calls."""
        for place in self._places:
            first = self._firsts[place.key]
            if first.locality.namespace == place.namespace:
                yield from first.members
            else:
                yield from _Move(self._place_of(first), place).members(first.members)

    def waypoints(self) -> frozenset[str]:
        """The identities of all waypoints."""
        found: set[str] = set()
        for place in self._places:
            first = self._firsts[place.key]
            rename = renaming(first.locality.namespace, place.namespace)
            found |= {rename(name) for name in first.waypoints}
        return frozenset(found)

    def bindings(self, place: Place, service: Ref) -> tuple[tuple[int, Bound], ...]:
        """The waypoint that a Service of the namespace is bound to, from each moment at which it changes."""
        first = self._firsts[place.key]
        move = _Move(place, self._place_of(first))
        back = _Move(self._place_of(first), place)
        key = (place.key, move.ref(service))
        if key not in self._bound:
            self._bound[key] = first.bindings(move.ref(service))
        return tuple(
            (back.moment(since), bound._replace(gateway=back.ref(bound.gateway)))
            if bound.gateway
            else (back.moment(since), bound)
            for since, bound in self._bound[key]
        )

    def of(self, place: Place, asking: "Asking", look: Callable[[History], _Found]) -> _Found:
        """What `look` finds of the namespace, or has found of one like it."""
        first = self._firsts[place.key]
        if self._sizes[place.key] == 1:
            return look(first)
        if place.key not in self._asked:
            self._asked[place.key] = _Asked.of(first)
        seen = self._asked[place.key].seen(place, asking.crowd, asking.calls)
        known = asking.told.get((place.key, seen)) if seen is not None else None
        if known is not None:
            return _Move(known.place, place).found(known.found)
        is_first = first.locality.namespace == place.namespace
        found = look(first if is_first else self.anew(place))
        own = {*place.moments}
        if seen is not None and all({one.since, one.until} <= own for one in found):
            asking.told[place.key, seen] = _Told(place, found)
        return found

    def moved(self, history: History, place: Place, members: Iterable[Member]) -> Iterator[Member]:
        """Members of a namespace as those of one that is like it."""
        return _Move(self._place_of(history), place).members(members)

    def _place_of(self, history: History) -> Place:
        return Place(history.locality.namespace, None, history.moments)


class _Move:
    """From one namespace to another that is like it."""

    def __init__(self, then: Place, now: Place) -> None:
        self._rename = renaming(then.namespace, now.namespace)
        self._moments = dict(zip(then.moments, now.moments, strict=True))

    def members(self, known: Iterable[Member]) -> Iterator[Member]:
        for member in known:
            spans = tuple(
                span._replace(since=self._moments[span.since], until=self._moments[span.until])
                for span in member.spans
            )
            yield Member(self.ref(member.ref), self._rename(member.principal), spans)

    def found(self, known: _Found) -> _Found:
        return tuple(
            one._replace(
                change=Change(*map(self._value, one.change)),
                since=self._moments[one.since],
                until=self._moments[one.until],
            )
            for one in known
        )

    def ref(self, ref: Ref) -> Ref:
        return ref._replace(namespace=self._rename(ref.namespace), name=self._rename(ref.name))

    def moment(self, known: int) -> int:
        return self._moments[known]

    def _value(self, value: Any) -> Any:
        if isinstance(value, Ref):
            return self.ref(value)
        return self._rename(value) if type(value) is str else value


class _Asked(NamedTuple):
    """Of which callers from elsewhere the policies of a kind of namespace ask."""

    namespace: str
    principals: frozenset[str]
    namespaces: frozenset[str]
    servers: frozenset[Ref]
    is_open: bool  # some pattern may match any name

    @classmethod
    def of(cls, history: History) -> "_Asked":
        """From every policy on the way to its targets, at any moment."""
        own = history.locality.namespace
        patterns = {
            (atom.key, text)
            for run in history.runs
            for level in run.ways.pair.before.levels
            for atom in run.ways.atoms(level)
            if atom.key in IDENTITY
            for text in atom.patterns
        }
        named = {
            t for k, t in patterns if k == "principal" and "*" not in t and f"/{own}/" not in t
        }
        accounts = {t for k, t in patterns if k == "account" and not t.startswith(f"{own}/")}
        spaces = {t for k, t in patterns if k == "namespace" and t != own}
        wild = any("*" in t and t != "*" for _, t in patterns)
        servers = frozenset(ref for run in history.runs for ref in run.ways.pair.servers)
        return cls(own, frozenset(named), frozenset(spaces), servers, wild or bool(accounts))

    def seen(self, place: Place, crowd: Crowd, calls: "Calls") -> _Seen | None:
        """What the namespace meets of all others, moment by moment; None where nobody can say in short."""
        if self.is_open:
            return None
        windows = tuple(_windows(place.moments))
        apart = [m for name in sorted(self.principals) for m in crowd.named(name)]
        apart += [m for name in sorted(self.namespaces) for m in crowd.within(name)]
        own = crowd.within(place.namespace)
        left_out = Crowd(crowd.domain, {m.ref: m for m in (*own, *apart)}.values())
        others = tuple(
            _present(known, left_out.histories.get(ways), windows)
            for ways, known in sorted(crowd.histories.items(), key=lambda one: str(one[0]))
        )
        told = tuple((m.principal, _sends(m, windows)) for m in apart)
        return (others, told, self._callers(place, crowd, calls, windows))

    def _callers(
        self, place: Place, crowd: Crowd, calls: "Calls", windows: tuple[tuple[int, int], ...]
    ) -> _Seen:
        """Who is known to call its workloads: by name within, by what they do from elsewhere."""
        rename, back = (
            renaming(self.namespace, place.namespace), renaming(place.namespace, self.namespace)
        )  # fmt: skip
        found: list[_Seen] = []
        for server in sorted(self.servers):
            here = server._replace(namespace=rename(server.namespace), name=rename(server.name))
            known = calls.get(here)
            if known is None:
                found.append((server, None))
                continue
            said = []
            for ref in sorted(known):
                member = crowd.of(ref)
                inside = ref.namespace == place.namespace
                name = back(ref.name) if inside else str(ref)
                said.append((name, None if inside or not member else _sends(member, windows)))
            found.append((server, tuple(said)))
        return tuple(found)


def _windows(moments: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """The moments, and what lies between two that do not follow each other: begin, end, and all of it."""
    for since, until in pairwise(moments):
        yield since, since + 1
        if until - since > 1:
            yield until - 1, until
            yield since, until


def _present(
    known: Histories, left_out: Histories | None, windows: Iterable[tuple[int, int]]
) -> tuple[bool, ...]:
    return tuple(
        known.count(*window) > (left_out.count(*window) if left_out else 0) for window in windows
    )


def _sends(member: Member, windows: tuple[tuple[int, int], ...]) -> tuple[frozenset[Ways], ...]:
    return tuple(frozenset(s.ways for s in member.sources(*window)) for window in windows)
