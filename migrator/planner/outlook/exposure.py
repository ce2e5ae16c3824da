"""The answer for the security reviewer: what a plan opens and closes, for whom, between which steps.

It is computed from the plan's own steps, whoever wrote them, so that an edited plan gets its own answer.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from migrator.exposure.ways import Kind
from migrator.istio.mesh import Mesh
from migrator.model.finding import Severity
from migrator.model.resource import Ref
from migrator.planner.plan import (
    OPENS,
    Acknowledgement,
    ChangedCalls,
    Exposure,
    Phase,
    Plan,
    ReroutedCalls,
    Rollback,
    Wave,
)
from migrator.steps import Target

from . import reroutes
from .course import Course
from .digest import digest
from .exposing import Exposed, on_course
from .reverting import reverted

_OF_THE_ORDER = frozenset({"PLAN01", "PLAN02"})
_CODES = {
    Kind.OPENS: (OPENS, "plan-opens", Severity.BLOCKER),
    Kind.CLOSES: ("PLAN04", "plan-closes", Severity.WARNING),
    Kind.UNKNOWN: ("PLAN05", "plan-unknown", Severity.WARNING),
}
_OURS = frozenset(code for code, _, _ in _CODES.values()) | {reroutes.REROUTES}
_SHOWN = 3


def with_exposure(mesh: Mesh, plan: Plan) -> Plan:
    """The plan with what its steps open and close, and with what a person must accept of that.

    `mesh` is what the plan was made from. What was accepted stays so as long as it says the same.
    """
    calls = {
        one.target.ref: frozenset(caller.ref for caller in one.callers) for one in plan.callers
    }
    course = Course(mesh, plan, calls)
    forward = on_course(course)
    told = tuple(_told(course, forward))
    back = tuple(_told(course, reverted(course, forward), back=True))
    rerouted = reroutes.tell(course)
    home = {step.id: wave.name for _, wave, step in plan.steps()}
    by_wave: dict[str, _OfWave] = defaultdict(_OfWave.empty)
    for one in told:
        by_wave[home[one.calls.since]].changed.append(one)
    for other in rerouted.reroutes:
        by_wave[home[other.since]].rerouted.append(other)
    phases = tuple(_with_phase(phase, by_wave) for phase in plan.phases)
    others = [a for a in plan.acknowledgements if a.code not in _OURS]
    accepted = {(a.code, a.target.ref, a.says) for a in plan.acknowledgements if a.acknowledged}
    ours = [
        a.model_copy(update={"acknowledged": (a.code, a.target.ref, a.says) in accepted})
        for a in (
            *_acknowledgements(mesh, plan, told),
            *_of_rollback(back),
            *rerouted.acknowledgements,
        )
    ]
    return plan.model_copy(
        update={
            "phases": phases,
            "acknowledgements": (*ours, *others),
            "rollback": Rollback(**_by_kind(back)),
        }
    )


class _Told(NamedTuple):
    kind: Kind
    calls: ChangedCalls


class _OfWave(NamedTuple):
    """What begins with a wave."""

    changed: list[_Told]
    rerouted: list[ReroutedCalls]

    @classmethod
    def empty(cls) -> "_OfWave":
        return cls([], [])


def _with_phase(phase: Phase, by_wave: Mapping[str, _OfWave]) -> Phase:
    waves = tuple(
        _with_wave(wave, by_wave.get(wave.name) or _OfWave.empty()) for wave in phase.waves
    )
    return phase.model_copy(update={"waves": waves})


def _with_wave(wave: Wave, told: _OfWave) -> Wave:
    exposure = Exposure(
        **_by_kind(told.changed),
        reroutes=tuple(told.rerouted),
        accepted=wave.exposure.accepted,
    )
    return wave.model_copy(update={"exposure": exposure})


def _by_kind(told: Iterable[_Told]) -> dict[str, tuple[ChangedCalls, ...]]:
    """The fields of an exposure."""
    found: dict[str, list[ChangedCalls]] = {kind.value: [] for kind in Kind}
    for one in told:
        found[one.kind.value].append(one.calls)
    return {name: tuple(calls) for name, calls in found.items()}


def _told(course: Course, found: Iterable[Exposed], *, back: bool = False) -> Iterator[_Told]:
    """One line for all that differs in identity and port only. `back`: on the way back the later step is
    undone first.
    """
    groups: dict[tuple[object, ...], list[Exposed]] = {}
    for one in _joined(found):
        change = one.change._replace(principal="", alike=False, port=0, request="", why="")
        has_identity = bool(one.change.principal)
        groups.setdefault((one.kind, one.since, one.until, has_identity, change), []).append(one)
    for group in sorted(groups.values(), key=lambda g: (g[0].since, g[0].until, str(g[0].change))):
        first = group[0]
        yield _Told(
            first.kind,
            ChangedCalls(
                callers=first.change.caller.value,
                identities=tuple(sorted({g.change.principal for g in group} - {""})),
                alike=any(g.change.alike for g in group),
                target=Target.of(first.change.target),
                direct=first.change.direct,
                ports=tuple(sorted({g.change.port for g in group})),
                request=first.change.request,
                policy=Target.of(first.change.policy) if first.change.policy else None,
                hop=first.change.hop,
                why=first.change.why,
                **_between(course, first, back=back),
            ),
        )


def _between(course: Course, one: Exposed, *, back: bool) -> dict[str, str]:
    if back:
        until = course.step_at(one.since) if one.since else ""
        return {"since": course.step_at(min(one.until, course.end - 1)), "until": until}
    until = course.step_at(one.until) if one.until < course.end else ""
    return {"since": course.step_at(one.since), "until": until}


def _joined(found: Iterable[Exposed]) -> Iterator[Exposed]:
    """What goes on through several moments, as one."""
    by_what = defaultdict[object, list[Exposed]](list)
    for one in found:
        by_what[one.what].append(one)
    for group in by_what.values():
        first, *rest = sorted(group, key=lambda one: (one.since, one.until))
        for one in rest:
            if one.since <= first.until:
                first = first._replace(until=max(first.until, one.until))
            else:
                yield first
                first = one
        yield first


def _acknowledgements(mesh: Mesh, plan: Plan, told: Iterable[_Told]) -> Iterator[Acknowledgement]:
    """One for each target and kind of what a person has to accept."""
    ordered = {a.target.ref for a in plan.acknowledgements if a.code in _OF_THE_ORDER}
    groups: dict[tuple[Kind, Ref], list[ChangedCalls]] = {}
    for one in told:
        if one.kind is not Kind.CLOSES or not _goes_without(mesh, one.calls, ordered):
            groups.setdefault((one.kind, one.calls.target.ref), []).append(one.calls)
    for (kind, ref), found in sorted(groups.items(), key=lambda g: (g[0][0].value, g[0][1])):
        code, rule, severity = _CODES[kind]
        yield Acknowledgement(
            code=code, rule=rule, severity=severity, target=Target.of(ref), says=_says(found)
        )


def _of_rollback(told: Iterable[_Told]) -> Iterator[Acknowledgement]:
    """A rollback that opens something is as little to be started unasked as a plan that does."""
    groups: dict[Ref, list[ChangedCalls]] = {}
    for one in told:
        if one.kind is Kind.OPENS:
            groups.setdefault(one.calls.target.ref, []).append(one.calls)
    code, _, severity = _CODES[Kind.OPENS]
    for ref, found in sorted(groups.items()):
        yield Acknowledgement(
            code=code,
            rule="rollback-opens",
            severity=severity,
            target=Target.of(ref),
            says=f"Rolled back: {_says(found)}",
        )


def _says(found: Sequence[ChangedCalls]) -> str:
    """The first in words. The rest, which the waves show, by a digest: what is accepted is all of it."""
    words = [str(one) for one in found]
    rest = words[_SHOWN:]
    if rest:
        told = f"And {len(rest)} more, which the waves show (digest {digest(rest)})"
        words = [*words[:_SHOWN], told]
    return ". ".join(words) + "."


def _goes_without(mesh: Mesh, calls: ChangedCalls, ordered: set[Ref]) -> bool:
    """Whether nobody has to accept that it closes: it is said of the order already, or nobody is known to
    call these pods by their own address.
    """
    ref = calls.target.ref
    service = mesh.services.get(ref)
    servers = {w.ref for w in mesh.services.workloads(service)} if service else {ref}
    if calls.callers == "sidecar" and servers & ordered:
        return True
    return calls.direct and not is_called_by_address(mesh, ref)


def is_called_by_address(mesh: Mesh, target: Ref) -> bool:
    """Whether a Service without a virtual IP leads to the pods of a Service or workload: then somebody calls
    them by their own address.
    """
    service, workload = mesh.services.get(target), mesh.workload(target)
    leading = (service,) if service else mesh.services.of_workload(workload) if workload else ()
    return any(one.headless for one in leading)
