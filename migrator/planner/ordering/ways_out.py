"""Where no order keeps every call under every policy: the ways out, each with what it opens and closes.

What the model finds out of a way is told in short: how many kinds of calls, the first of them, and a digest
of all, so that what a person accepts is all of it.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from migrator.exposure.calling import Caller
from migrator.exposure.change import Change
from migrator.exposure.compare import compare
from migrator.exposure.ways import Kind
from migrator.planner.outlook.digest import digest
from migrator.planner.outlook.exposing import exposed
from migrator.planner.outlook.exposure import is_called_by_address
from migrator.planner.plan import Phase, PhaseName, Plan, Wave

from .detours import Passage, permissive, stopped, with_callers_admitted

_EFFORT = 100_000  # a few seconds
_AT_LEAST = 60  # what the least of them costs, as steps


class Effort:
    """What may be spent on ways out, which cost more than in proportion to their steps."""

    def __init__(self) -> None:
        self._left = _EFFORT

    def spend(self, passage: Passage) -> bool:
        """Whether there is enough left for this one."""
        cost = len(passage.steps) * (len(passage.steps) + _AT_LEAST)
        if cost > self._left:
            return False
        self._left -= cost
        return True


class Exposes(NamedTuple):
    """What a way does to calls to those who move, until they have: what it opens, closes, leaves open."""

    opens: tuple[Change, ...]
    closes: tuple[Change, ...]
    unknown: tuple[Change, ...]

    def __str__(self) -> str:
        unsure = f"; nobody can say of {_in_words(self.unknown)}" if self.unknown else ""
        return f"opens {_in_words(self.opens)}; closes {_in_words(self.closes)}{unsure}"


def of_steps(plan: Plan, passage: Passage) -> Exposes:
    """What the steps do on the way, and their end does not."""
    return over_time(plan, passage)[0]


def over_time(plan: Plan, passage: Passage) -> tuple[Exposes, Exposes]:
    """What the steps do on the way, and what stays so."""
    wave = Wave(name="passage", goal="", steps=passage.steps)
    phase = Phase(name=PhaseName.SWITCH, goal="", waves=(wave,))
    whole = plan.model_copy(update={"phases": (phase,)})
    end = 2 * len(passage.steps) + 1
    found = exposed(passage.mesh, whole, passage.calls)
    for_good = [(one.kind, one.change) for one in found if one.until == end]
    stays = {_fate(*one) for one in for_good}
    every = ((one.kind, one.change) for one in found)
    meanwhile = (one for one in every if _fate(*one) not in stays)
    return _exposes(passage, meanwhile), _exposes(passage, for_good)


def of_a_window(passage: Passage) -> Exposes:
    """Of all pods of the members stopped at once."""
    start, state = stopped(passage)
    members = frozenset(w.ref for w in passage.members)
    found = compare(start, state, only=members, calls=passage.calls)
    told = zip((Kind.OPENS, Kind.CLOSES, Kind.UNKNOWN), found, strict=True)
    return _exposes(
        passage,
        (
            (kind, one)
            for kind, changes in told
            for one in changes
            if one.caller is not Caller.PENDING  # who has stopped calls nobody
        ),
    )


def ways_out(plan: Plan, passage: Passage) -> str:
    """All three, in sentences."""
    guards = with_callers_admitted(passage)
    third = (
        "Guards at L4, which admit these callers' own identities beside the waypoint's until the last has "
        f"moved: {of_steps(plan, guards)}."
        if guards
        else "Guards at L4 would change nothing: no guard refuses these calls."
    )
    return (
        "Other ways, each with what it opens and closes meanwhile, by the model. A window, in which all "
        f"these pods stop before any starts anew: {of_a_window(passage)}, beside their own calls. PERMISSIVE "
        f"for these pods while they move: {of_steps(plan, permissive(passage))}. {third}"
    )


def _exposes(passage: Passage, found: Iterable[tuple[Kind, Change]]) -> Exposes:
    kinds: dict[Kind, dict[tuple[object, ...], Change]] = {kind: {} for kind in Kind}
    for kind, change in found:
        if _is_meant(passage, kind, change):
            kinds[kind].setdefault(_call(change), change)
    return Exposes(
        *(tuple(_sorted(kinds[kind].values())) for kind in (Kind.OPENS, Kind.CLOSES, Kind.UNKNOWN))
    )


def _is_meant(passage: Passage, kind: Kind, change: Change) -> bool:
    """Whether it is about a member; of calls to the pods' own address that are refused, only those that a
    headless Service leads to.
    """
    mesh = passage.mesh
    service = mesh.services.get(change.service) if change.service else None
    members = {w.ref for w in passage.members}
    servers = {w.ref for w in mesh.services.workloads(service)} if service else {change.server}
    if not servers & members:
        return False
    if kind is not Kind.CLOSES or not change.direct:
        return True
    return is_called_by_address(mesh, change.target)


def _call(change: Change) -> tuple[object, ...]:
    return (change.caller, change.principal, change.target, change.direct, change.port)


def _fate(kind: Kind, change: Change) -> tuple[object, ...]:
    """What becomes of a call, however its caller sends."""
    return (kind, change.principal, change.target, change.direct, change.port, change.policy)


def _sorted(changes: Iterable[Change]) -> Iterator[Change]:
    yield from sorted(changes, key=lambda one: tuple(map(str, _call(one))))


def _in_words(changes: tuple[Change, ...]) -> str:
    if not changes:
        return "nothing"
    said = [_one(change) for change in changes]
    if len(said) == 1:
        return said[0]
    return f"{len(said)} kinds of calls, the first {said[0]} (digest {digest(said)})"


def _one(change: Change) -> str:
    who = f"{change.caller} callers {change.principal}".rstrip()
    others = " and others like them" * (change.alike and bool(change.principal))
    where = f"the pods of {change.target} by their own address" if change.direct else change.target
    return f"{who}{others} to {where}, port {change.port}, for example {change.request}"
