"""Where a plan stands, for a person and as data."""

from collections.abc import Iterator, Sequence
from typing import Any

from migrator.model.journal import Event, Progress
from migrator.model.resource import Frozen
from migrator.model.verdict import State
from migrator.planner.plan import Plan

from .text import plural, wrap

Line = tuple[str, str]


class WaveStanding(Frozen):
    """A wave: how many of its steps are verified, and whether its checkpoint is reached."""

    phase: str
    wave: str
    steps: int
    verified: int
    checkpoint: bool


class Broken(Frozen):
    """A claim that does not hold now."""

    step: str
    says: str
    state: State


class Standing(Frozen):
    """`next` is the id of the next step, empty when all are done; `stopped` why the last run ended.

    Of what is `unread` nothing is known: it could not be looked at.
    """

    done: int
    total: int
    waves: tuple[WaveStanding, ...]
    next: str
    stopped: str
    looked_at: int
    broken: tuple[Broken, ...]
    unread: tuple[Broken, ...]


def status(plan: Plan, progress: Progress, drifted: Sequence[Any]) -> Standing:
    """Of the record, with what has drifted."""
    return _standing(plan, progress, drifted, looked_at=0)


def verified(plan: Plan, progress: Progress, claims: Sequence[Any]) -> Standing:
    """Of the record, with every claim that was looked at again."""
    bad = [claim for claim in claims if claim.verdict.state is not State.DONE]
    return _standing(plan, progress, bad, looked_at=len(claims))


def lines(found: Standing, columns: int) -> Iterator[Line]:
    """Done, next, stopped, drift; each in its own words."""
    yield f"{found.done} of {plural(found.total, 'step')} done and verified", "bold"
    for wave in found.waves:
        mark = "✓" if wave.checkpoint else " "
        style = "green" if wave.checkpoint else ""
        yield f"  {mark} {wave.phase:9} {wave.wave}: {wave.verified}/{wave.steps}", style
    yield "", ""
    yield f"next: {found.next or 'nothing, the plan is done'}", "bold"
    if found.stopped:
        yield wrap(f"stopped at {found.stopped}", "  ", columns, first=""), "yellow"
    if found.looked_at:
        yield f"looked at {plural(found.looked_at, 'claim')} again", ""
    yield from _claims(found, columns)


def _claims(found: Standing, columns: int) -> Iterator[Line]:
    if found.broken:
        yield f"{plural(len(found.broken), 'claim')} no longer as the plan left it", "bold red"
    elif not found.unread:
        yield "no drift", "green"
    for one in found.broken:
        yield wrap(f"{one.step}: {one.says}", "      ", columns, first="    "), "red"
    if found.unread:
        yield (
            f"{plural(len(found.unread), 'claim')} not looked at, so nothing is known",
            "bold yellow",
        )
    for one in found.unread:
        yield wrap(f"{one.step}: {one.says}", "      ", columns, first="    "), "yellow"


def _standing(plan: Plan, progress: Progress, bad: Sequence[Any], *, looked_at: int) -> Standing:
    ids = [step.id for _, _, step in plan.steps()]
    pending = [name for name in ids if progress.of(name).standing != "verified"]
    last = progress.last
    stopped = f"{last.subject}: {last.says}" if last and last.event is Event.STOPPED else ""
    return Standing(
        done=len(ids) - len(pending),
        total=len(ids),
        waves=tuple(_waves(plan, progress)),
        next=pending[0] if pending else "",
        stopped=stopped,
        looked_at=looked_at,
        broken=tuple(_broken(claim) for claim in bad if not claim.unread),
        unread=tuple(_broken(claim) for claim in bad if claim.unread),
    )


def _broken(claim: Any) -> Broken:
    return Broken(step=claim.step, says=claim.verdict.says, state=claim.verdict.state)


def _waves(plan: Plan, progress: Progress) -> Iterator[WaveStanding]:
    for phase in plan.phases:
        for wave in phase.waves:
            done = [s for s in wave.steps if progress.of(s.id).standing == "verified"]
            yield WaveStanding(
                phase=phase.name.value,
                wave=wave.name,
                steps=len(wave.steps),
                verified=len(done),
                checkpoint=progress.has_passed(wave.name),
            )
