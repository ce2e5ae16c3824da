"""Knots in the order that closes least, by what the steps of a draft do to the calls among their members."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from migrator.istio.mesh import Mesh
from migrator.istio.workloads import Workload
from migrator.model.resource import Ref
from migrator.steps import AnyStep

from .fates import Fates, Scene
from .knots import Knot, Searched
from .likeness import Likeness, renaming
from .localities import Localities, Locality
from .plan import Plan
from .searching import AT_MOST, EXACT, Found, best, total
from .world import World

_MOVES = ("move.", "wait.")
_OF_THE_NAMESPACE = ("flip.", "keep-out.", "revision.")
Calls = Mapping[Ref, frozenset[Ref]]


class Arranger:
    """Puts knots in order. The `draft` is a plan for `mesh` in which the waves of a knot's members follow
    each other, in any order; `calls`: who is known to call a workload.
    """

    def __init__(self, mesh: Mesh, draft: Plan, calls: Calls) -> None:
        self._localities = Localities(mesh, draft)
        self._likeness = Likeness(mesh, self._localities)
        self._calls = calls
        waves = [wave for phase in draft.phases for wave in phase.waves]
        self._wave = {step.id: n for n, wave in enumerate(waves) for step in wave.steps}
        self._known: dict[object, tuple[Found, bool]] = {}

    def __call__(self, members: tuple[Workload, ...]) -> Knot:
        """The knot of these members, who come in the order of names."""
        if not is_searched(members):
            return Knot(members)
        like = self._like(members)
        if like not in self._known:
            self._known[like] = self._search(members)
        order, refuses = self._known[like]
        searched: Searched = "all" if len(members) <= EXACT else "some"
        return Knot(tuple(members[n] for n in order), searched, refuses)

    def _search(self, members: tuple[Workload, ...]) -> tuple[Found, bool]:
        homes = [w.namespace for w in members]
        fates = Fates(self._scene([w.ref for w in members]))
        order = best(homes, fates)
        return order, total(order, homes, fates).closes > 0

    def _like(self, members: tuple[Workload, ...]) -> object:
        """The same for knots of namespaces that are alike."""
        homes = {w.namespace for w in members}
        if len(homes) > 1:
            return tuple(w.ref for w in members)
        home = homes.pop()
        rename = renaming(home, "")
        said = tuple((w.ref.kind, rename(w.name), self._callers(w.ref, home)) for w in members)
        return (self._likeness.key(self._localities.of(home)), said)

    def _callers(self, ref: Ref, home: str) -> tuple[str, ...] | None:
        known, rename = self._calls.get(ref), renaming(home, "")
        return None if known is None else tuple(sorted(rename(str(one)) for one in known))

    def _scene(self, members: list[Ref]) -> Scene:
        place = joined([self._localities.of(name) for name in {ref.namespace for ref in members}])
        own = {ref: tuple(_moves(place, ref)) for ref in members}
        waves = {self._wave[step.id] for steps in own.values() for step in steps}
        start = World(place.mesh())
        world = World(start.state.mesh)
        for _, step in place.steps:
            wave = self._wave[step.id]
            if wave < min(waves) or (wave in waves and not _is_of_a_move(step)):
                world.begin(step)
                world.end(step)
        calls = {ref: self._calls[ref] for ref in members if ref in self._calls}
        return Scene(start.state, world.state, own, calls)


def is_searched(members: Sequence[Workload]) -> bool:
    """Whether there are few enough to look at some of their orders."""
    return len(members) <= AT_MOST


def joined(found: Iterable[Locality]) -> Locality:
    """Several localities as one."""
    first, *others = sorted(found, key=lambda one: one.namespace)
    objects = {resource.ref: resource for one in (first, *others) for resource in one.objects}
    steps = {number: step for one in (first, *others) for number, step in one.steps}
    return first._replace(
        objects=tuple(objects.values()), steps=tuple(sorted(steps.items())), is_alone=False
    )


def _moves(place: Locality, ref: Ref) -> Iterator[AnyStep]:
    yield from (s for _, s in place.steps if s.target.ref == ref and s.id.startswith(_MOVES))


def _is_of_a_move(step: AnyStep) -> bool:
    """Whether it is part of a workload's or of a namespace's move, not of what is made ready for it."""
    return step.id.startswith(_MOVES + _OF_THE_NAMESPACE)
