"""What the moves of a few workloads do to calls among them, by the exposure model, whatever their order.

What becomes of a call follows from how its caller sends and from the pods that answer: from how far the
caller is with its move, and how far those are that the target leads to. Each such case is judged once.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from migrator.exposure.callers import IDENTITY, OUTSIDE, Sample, Source, principal_of, ways_of
from migrator.exposure.compare import known_callers
from migrator.exposure.facts import Facts
from migrator.exposure.patterns import matches
from migrator.exposure.state import State
from migrator.exposure.targets import pairs
from migrator.exposure.verdict import identity
from migrator.exposure.ways import Kind, Ways, of_sample
from migrator.model.resource import Ref
from migrator.planner.outlook.history import Key, key_of
from migrator.planner.outlook.world import World
from migrator.steps import AnyStep

from .searching import Cost

_NOBODY = -1  # in the place of a member: who is outside the mesh
_Refused = frozenset[tuple[Kind, Ref | None]]
_Far = tuple[int, ...]  # of each of some members, how many halves of its steps are done


class Scene(NamedTuple):
    """The mesh at the start, right before the first of `moves`, and each member's own steps.

    `callers`: who is known to call a member; of one that is not in it anybody may be a caller.
    """

    start: State
    ready: State
    moves: Mapping[Ref, tuple[AnyStep, ...]]
    callers: Mapping[Ref, frozenset[Ref]]


class Fates:
    """What each move costs after others: calls that the way opens or closes, and the end does not.

    A call counts once for each caller, target, port and deciding policy, at each moment of a move.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._members = tuple(scene.moves)
        self._length = tuple(2 * len(steps) for steps in scene.moves.values())
        self._worlds = _Worlds(scene)
        self._start = Facts.of(scene.start)
        self._groups = tuple(sorted({*self._led_to()}))
        self._judged: dict[tuple[_Far, _Far], Mapping[Key, _Judged]] = {}
        self._told: dict[tuple[object, ...], Cost] = {}
        self._costs: dict[tuple[frozenset[int], int], Cost] = {}
        self._settled: dict[frozenset[int], Cost] = {frozenset(): Cost()}

    def of(self, done: frozenset[int], one: int) -> Cost:
        """While `one` moves, and before the next does, when those of `done` have moved."""
        key = (done, one)
        if key not in self._costs:
            before = self._of(done)
            self._costs[key] = Cost()
            for half in range(1, self._length[one] + 1):
                moment = before.plus(self._change(done, one, half))
                self._costs[key] = self._costs[key].plus(moment)
        return self._costs[key]

    def _of(self, done: frozenset[int]) -> Cost:
        """At one moment, when nobody is on the way."""
        if done not in self._settled:
            last = max(done)
            rest = done - {last}
            change = self._change(rest, last, self._length[last])
            self._settled[done] = self._of(rest).plus(change)
        return self._settled[done]

    def _change(self, done: frozenset[int], one: int, half: int) -> Cost:
        """By `one` being that far."""
        found = Cost()
        far = [self._length[n] if n in done else 0 for n in range(len(self._members))]
        for later, sign in ((half, 1), (0, -1)):
            far[one] = later
            for group, caller in self._concerned(one):
                told = self._at(group, caller, far)
                found = found.plus(Cost(sign * told.opens, sign * told.closes))
        return found

    def _concerned(self, one: int) -> Iterator[tuple[_Far, int]]:
        for group in self._groups:
            callers = range(_NOBODY, len(self._members)) if one in group else (one,)
            yield from ((group, caller) for caller in callers)

    def _led_to(self) -> Iterator[_Far]:
        """Members that targets lead to, those together to which one does."""
        numbers = {ref: number for number, ref in enumerate(self._members)}
        last = Facts.of(self._worlds.at(tuple(range(len(self._members))), self._length))
        for pair in pairs(self._start, last, frozenset(self._members)):
            yield tuple(sorted(numbers[ref] for ref in pair.servers if ref in numbers))

    def _at(self, group: _Far, caller: int, far: list[int]) -> Cost:
        key = (group, tuple(far[n] for n in group), caller, 0 if caller < 0 else far[caller])
        if key not in self._told:
            self._told[key] = self._judge(group, caller, far)
        return self._told[key]

    def _judge(self, group: _Far, caller: int, far: list[int]) -> Cost:
        """Without what is so at the end as well."""
        now = self._refused(group, caller, far)
        end = self._refused(group, caller, list(self._length))
        kinds = [kind for place, found in now.items() for kind, _ in found - end.get(place, found)]
        return Cost(kinds.count(Kind.OPENS), kinds.count(Kind.CLOSES))

    def _refused(self, group: _Far, caller: int, far: list[int]) -> Mapping[Key, _Refused]:
        key = (group, tuple(far[n] for n in group))
        if key not in self._judged:
            self._judged[key] = self._targets(*key)
        sample = OUTSIDE if caller == _NOBODY else self._sample(caller, far[caller])
        ref = sample.source.ref
        return {
            place: judged.of(sample, closes=ref is None or judged.is_caller(ref))
            for place, judged in self._judged[key].items()
        }

    def _targets(self, group: _Far, far: _Far) -> Mapping[Key, "_Judged"]:
        members = frozenset(self._members[n] for n in group)
        later = Facts.of(self._worlds.at(group, far))
        return {
            key_of(pair): _Judged(Ways(self._start, later, pair), self._scene.callers)
            for pair in pairs(self._start, later, members)
            if pair.servers & {*self._members} == members
        }

    def _sample(self, caller: int, far: int) -> Sample:
        ref, start = self._members[caller], self._scene.start
        state = self._worlds.at((caller,), (far,))
        was, is_ = start.mesh.workload(ref), state.mesh.workload(ref)
        if was is None or is_ is None:
            raise LookupError(ref)
        domain = start.mesh.config.trust_domain
        principal = principal_of(domain, was.namespace, was.service_account)
        ways = (ways_of(start, was), ways_of(state, is_))
        return Sample(Source(ref, principal, ways), alone=True)


class _Judged:
    """The ways to one target, and what becomes of callers, once for those whom no policy tells apart."""

    def __init__(self, ways: Ways, callers: Mapping[Ref, frozenset[Ref]]) -> None:
        self._ways = ways
        self._callers = known_callers(ways.pair, callers)
        self._known: dict[object, _Refused] = {}
        same = ways.pair.before.levels == ways.pair.after.levels
        self._levels = ways.pair.before.levels if same else ()
        self._patterns = sorted(
            {
                (atom.key, text)
                for level in self._levels
                for atom in ways.atoms(level)
                if atom.key in IDENTITY
                for text in atom.patterns
            }
        )

    def is_caller(self, ref: Ref) -> bool:
        return self._callers is None or ref in self._callers

    def of(self, sample: Sample, *, closes: bool) -> _Refused:
        """The differences for one caller; `closes`: whether what closes counts for it."""
        values = identity(sample.source.principal)
        met = tuple(matches(key, text, values[key] or "") for key, text in self._patterns)
        key = (sample.source.ways, bool(sample.source.principal), met)
        if key not in self._known:
            self._known[key] = frozenset(
                (kind, change.policy)
                for level in self._levels
                for kind, change in of_sample(self._ways, level, sample)
            )
        return frozenset(one for one in self._known[key] if closes or one[0] is Kind.OPENS)


class _Worlds:
    """States in which some members are that far, and all others have not begun."""

    def __init__(self, scene: Scene) -> None:
        self._steps = tuple(scene.moves.values())
        self._known: dict[tuple[tuple[int, int], ...], State] = {(): scene.ready}

    def at(self, members: _Far, far: _Far) -> State:
        """Those on the way last: nothing else goes on meanwhile."""
        begun = [one for one in zip(members, far, strict=True) if one[1]]
        begun.sort(key=lambda one: (one[1] < 2 * len(self._steps[one[0]]), one))
        return self._of(tuple(begun))

    def _of(self, begun: tuple[tuple[int, int], ...]) -> State:
        if begun not in self._known:
            member, halves = begun[-1]
            self._known[begun] = _after(self._of(begun[:-1]), self._steps[member], halves)
        return self._known[begun]


def _after(state: State, steps: tuple[AnyStep, ...], halves: int) -> State:
    world = World(state.mesh)
    world.state = state
    for number, step in enumerate(steps):
        if halves <= 2 * number:
            break
        before = world.state
        goes_on = world.begin(step)
        if halves == 2 * number + 1:
            return world.state if goes_on else before
        world.end(step)
    return world.state
