"""Knots in the order that closes least, by what the steps of a draft do to the calls among their members."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from migrator.istio.workloads import Workload
from migrator.model.resource import Ref
from migrator.planner.decisions.layout import Layout
from migrator.planner.outlook.likeness import Likeness, renaming
from migrator.planner.outlook.localities import Localities, Locality
from migrator.planner.outlook.world import World
from migrator.planner.phases.handover import pod_selector
from migrator.planner.plan import Plan
from migrator.steps import AnyStep

from .detours import Passage, is_move_of
from .fates import Fates, Scene
from .knots import Knot
from .searching import AT_MOST, EXACT, Found, best, total
from .ways_out import Effort, of_steps, ways_out

_GO = ("move.", "wait.", "flip.", "keep-out.", "revision.")
Calls = Mapping[Ref, frozenset[Ref]]


class _Arranged(NamedTuple):
    """The order of a knot's members by their numbers, and what is said of it, in words of `namespace`."""

    namespace: str
    order: Found
    says: str


class Arranger:
    """Puts knots in order, and says what that exposes. The `draft` is a plan in which the waves of a knot's
    members follow each other, in any order; `calls`: who is known to call a workload.
    """

    def __init__(self, layout: Layout, draft: Plan, calls: Calls) -> None:
        self._layout = layout
        self._draft = draft
        self._calls = calls
        waves = [wave for phase in draft.phases for wave in phase.waves]
        self._wave = {step.id: n for n, wave in enumerate(waves) for step in wave.steps}
        self._known: dict[object, _Arranged] = {}
        self._effort = Effort()

    def __call__(self, members: tuple[Workload, ...]) -> Knot:
        """The knot of these members, who come in the order of names."""
        if len(members) > AT_MOST:
            return Knot(members, _of_many(members))
        like = self._like(members)
        if like not in self._known:
            self._known[like] = self._arranged(members)
        known = self._known[like]
        rename = renaming(known.namespace, members[0].namespace)
        return Knot(tuple(members[n] for n in known.order), rename(known.says))

    @cached_property
    def _localities(self) -> Localities:
        return Localities(self._layout.mesh, self._draft)

    @cached_property
    def _likeness(self) -> Likeness:
        return Likeness(self._layout.mesh, self._localities)

    def _arranged(self, members: tuple[Workload, ...]) -> _Arranged:
        places = [self._localities.of(name) for name in {w.namespace for w in members}]
        course = _Course.of(joined(places), members, self._wave)
        calls = {w.ref: self._calls[w.ref] for w in members if w.ref in self._calls}
        homes = [w.namespace for w in members]
        fates = Fates(course.scene(calls))
        order = best(homes, fates)
        says = ""
        if total(order, homes, fates).closes:
            chosen = tuple(members[n] for n in order)
            selectors = {w.ref: pod_selector(self._layout, w) for w in members}
            passage = Passage(course.place.mesh(), course.steps(chosen), chosen, selectors, calls)
            says = self._told(passage)
        return _Arranged(members[0].namespace, order, says)

    def _told(self, passage: Passage) -> str:
        count = len(passage.members)
        searched = (
            f"All orders of these {count} were compared; that of this plan refuses the least"
            if count <= EXACT
            else f"{count} have too many orders to compare all; that of this plan was found by moving one "
            "after another to its best place"
        )
        ways = (
            f"while they move it {of_steps(self._draft, passage)}. {ways_out(self._draft, passage)}"
            if self._effort.spend(passage)
            else "what it refuses stands in the waves; what other ways expose was not computed: there is too "
            "much of it."
        )
        return (
            f"{_names(passage.members)} may call each other and are guarded: no order keeps all of these "
            f"calls. {searched}: {ways} A declared call graph (--calls) may show an order."
        )

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


class _Course(NamedTuple):
    """The steps of a knot's localities: those before its members move, each member's own, those after."""

    place: Locality
    before: tuple[AnyStep, ...]
    moves: Mapping[Ref, tuple[AnyStep, ...]]
    after: tuple[AnyStep, ...]

    @classmethod
    def of(cls, place: Locality, members: Iterable[Workload], wave: Mapping[str, int]) -> "_Course":
        refs = tuple(w.ref for w in members)
        own = {step.id for _, step in place.steps if is_move_of(step, refs)}
        waves = {wave[name] for name in own}
        before: list[AnyStep] = []
        after: list[AnyStep] = []
        for _, step in place.steps:
            if step.id not in own:
                n = wave[step.id]
                ready = n in waves and not step.id.startswith(_GO)
                (before if n < min(waves) or ready else after).append(step)
        moves = {ref: tuple(s for _, s in place.steps if is_move_of(s, (ref,))) for ref in refs}
        return cls(place, tuple(before), moves, tuple(after))

    def scene(self, calls: Calls) -> Scene:
        """What the members move in."""
        world = World(self.place.mesh())
        start = world.state
        for step in self.before:
            world.begin(step)
            world.end(step)
        return Scene(start, world.state, self.moves, calls)

    def steps(self, members: Iterable[Workload]) -> tuple[AnyStep, ...]:
        """All of them, with the members in this order."""
        own = (step for w in members for step in self.moves[w.ref])
        return (*self.before, *own, *self.after)


def joined(found: Iterable[Locality]) -> Locality:
    """Several localities as one."""
    first, *others = sorted(found, key=lambda one: one.namespace)
    objects = {resource.ref: resource for one in (first, *others) for resource in one.objects}
    steps = {number: step for one in (first, *others) for number, step in one.steps}
    return first._replace(
        objects=tuple(objects.values()), steps=tuple(sorted(steps.items())), is_alone=False
    )


def _of_many(members: Sequence[Workload]) -> str:
    return (
        f"{_names(members)} may call each other and are guarded: no order keeps all of these calls. The "
        f"orders of these {len(members)} were not compared, nor other ways: they move by name, and while "
        "they do, calls from pods that still have a sidecar to those that have moved are refused. A declared "
        "call graph (--calls) may show an order."
    )


def _names(members: Iterable[Workload]) -> str:
    return ", ".join(sorted(str(w.ref) for w in members))
