"""Where a plan stands in a cluster: what is done, what is next, and what no longer is as it was left."""

from collections.abc import Iterator
from typing import NamedTuple

from migrator.errors import ClusterError
from migrator.model import writes as fields
from migrator.model.journal import Progress
from migrator.model.resource import Ref
from migrator.model.verdict import State, Verdict
from migrator.planner.plan import Plan
from migrator.ports import ClusterReader
from migrator.steps import AnyStep, Check

from .glance import Glance
from .predicates import observe

# What these claim, later steps may rewrite
BY_FIELDS = frozenset({"labels-set", "exists", "absent"})


class Claim(NamedTuple):
    """Something that a verified step left behind, and what is seen of it now.

    `unread`: it could not be looked at, so nothing is known of it.
    """

    step: str
    says: str
    verdict: Verdict
    unread: bool = False

    @classmethod
    def of_error(cls, step: str, what: str, error: ClusterError) -> "Claim":
        says = f"{what}: could not be looked at: {error.summary}: {error.detail}"
        return cls(step, what, Verdict.waiting(says), unread=True)


def drift(plan: Plan, progress: Progress, cluster: ClusterReader) -> Iterator[Claim]:
    """Fields that verified steps set, where they are not as the last of these left them."""
    for ref, writes in _last_writes(plan, progress).items():
        try:
            live = cluster.get(ref)
        except ClusterError as error:
            yield Claim.of_error(next(iter(writes.values()))[0], str(ref), error)
            continue
        for step, write in writes.values():
            if not fields.holds(live, (write,)):
                where = ".".join(write.path) or "the object"
                found = "absent" if fields.at(live, write.path) is None else "different"
                says = f"{ref}: {where} is {found}"
                yield Claim(step, says, Verdict.failed(says))


def verify(plan: Plan, progress: Progress, cluster: ClusterReader) -> Iterator[Claim]:
    """Everything that the verified steps claim, looked at again: fields first, then behaviour."""
    cluster = Glance(cluster)
    yield from drift(plan, progress, cluster)
    seen: set[tuple[str, str]] = set()
    gone = _deleted(plan, progress)
    for step, check in _checks(plan, progress):
        key = (check.predicate, str(check.about))
        if key in seen or (check.about and check.about.ref in gone):
            continue
        seen.add(key)
        yield _looked_at(check, step, cluster)


def _looked_at(check: Check, step: AnyStep, cluster: ClusterReader) -> Claim:
    try:
        return Claim(step.id, check.says, observe(check, step, cluster))
    except ClusterError as error:
        about = check.about or step.target
        return Claim.of_error(step.id, f"{about}: {check.predicate}", error)


def broken(claims: Iterator[Claim]) -> tuple[Claim, ...]:
    return tuple(claim for claim in claims if claim.verdict.state is not State.DONE)


def _checks(plan: Plan, progress: Progress) -> Iterator[tuple[AnyStep, Check]]:
    for _, _, step in plan.steps():
        if progress.of(step.id).standing == "verified":
            for check in step.after:
                if check.predicate not in BY_FIELDS:
                    yield step, check


def _deleted(plan: Plan, progress: Progress) -> frozenset[Ref]:
    return frozenset(
        ref
        for ref, writes in _last_writes(plan, progress).items()
        if () in writes and writes[()][1].value is None
    )


Written = dict[fields.Path, tuple[str, fields.Write]]


def _last_writes(plan: Plan, progress: Progress) -> dict[Ref, Written]:
    """Per object and field, the last verified write; a whole object is the sum of what came after."""
    found: dict[Ref, Written] = {}
    for _, _, step in plan.steps():
        state = progress.of(step.id)
        if state.standing != "verified":
            continue
        for write in step.writes(state.stamp):
            mine = found.setdefault(step.target.ref, {})
            if write.path == ("spec",) and () in mine:
                whole = mine[()][1]
                value = {**whole.value, "spec": write.value}
                mine[()] = (step.id, whole.model_copy(update={"value": value}))
            else:
                mine[write.path] = (step.id, write)
            if not write.path:
                found[step.target.ref] = {(): (step.id, write)}
    return found
