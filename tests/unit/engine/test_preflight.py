"""Before the first change: what is missing, what would be refused, and what is under way already."""

import pytest

from migrator.engine import apply as engine
from migrator.engine import preflight
from migrator.engine.forward import Reach
from migrator.engine.record import ClusterRecord
from migrator.errors import (
    BlockedPlanError,
    ForbiddenError,
    InvalidError,
    LockHeldError,
    MigrateError,
)
from migrator.istio import kinds
from migrator.model.finding import Severity
from migrator.model.journal import Entry, Event
from migrator.model.resource import GroupKind
from migrator.planner.plan import Acknowledgement
from tests.runs import World

LEASE = GroupKind("coordination.k8s.io", "Lease")


def changes(world):
    """Everything written but the Lease, which is taken before anything is looked at."""
    return [w for w in world.cluster.writes if w.ref.group_kind != LEASE]


def test_a_whole_run_uses_no_permission_that_it_did_not_ask_for(world):
    """Writes; what predicates read is in the role that `migrate permissions` prints."""
    asked = {(verb, kind) for verb, kind, _ in preflight.permissions(world.plan)}
    world.apply()
    world.rollback()

    used = {(w.verb, w.ref.group_kind) for w in world.cluster.writes}

    assert used - asked == set()


def test_every_missing_permission_is_named_at_once(world):
    world.cluster.faults.forbid("create", kinds.GATEWAY)
    world.cluster.faults.forbid("patch", kinds.DEPLOYMENT)

    with pytest.raises(ForbiddenError, match="Permissions are missing") as error:
        world.apply()

    assert "create Gateway.gateway.networking.k8s.io in scene" in error.value.detail
    assert "patch Deployment.apps in scene" in error.value.detail
    assert changes(world) == []


@pytest.mark.parametrize("kind", [kinds.NAMESPACE, kinds.DEPLOYMENT, kinds.GATEWAY])
def test_a_change_that_admission_would_refuse_is_named_before_the_first_one(world, kind):
    world.cluster.faults.refuse("denied by the team's policy", lambda w: w.ref.group_kind == kind)
    steps = [s.id for _, _, s in world.plan.steps() if s.target.ref.group_kind == kind]
    refused = [name for name in steps if name.split(".")[0] not in {"contract", "wait"}]

    with pytest.raises(InvalidError, match="would be refused, nothing was changed") as error:
        world.apply()

    assert refused
    assert any(name in error.value.detail for name in refused)
    assert "denied by the team's policy" in error.value.detail
    assert changes(world) == []


def test_an_object_of_the_plan_that_is_gone_is_named(world):
    step = next(s for _, _, s in world.plan.steps() if s.kind == "patch-template")
    world.cluster.meddle_delete(step.target.ref)

    with pytest.raises(InvalidError) as error:
        world.apply()

    assert f"{step.target} is not there" in error.value.detail
    assert changes(world) == []


def test_what_a_run_has_done_is_not_tried_again(world):
    """A dry run of a step that is done could be refused by now, and would say nothing."""
    waves = [w.name for p in world.plan.phases for w in p.waves]
    world.apply(Reach(to=waves[-2]))
    last = {s.target.ref for s in world.plan.phases[-1].waves[-1].steps}
    world.cluster.faults.refuse(
        "not any more", lambda w: w.ref not in last and _is_planned(world, w)
    )

    world.apply()


def _is_planned(world, write):
    return write.ref in {s.target.ref for _, _, s in world.plan.steps()}


def _other_record(world):
    root = world.plan.header.root_namespace
    return ClusterRecord(world.cluster, root, "0a1b2c0a1b2c")


def _begin(record):
    record.append(
        Entry(number=1, time="2026-01-01T00:00:00Z", run="you", event=Event.CAPTURED, subject="x")
    )


def test_a_second_plan_waits_until_the_first_is_done(world):
    record = _other_record(world)
    _begin(record)
    before = changes(world)

    with pytest.raises(MigrateError, match="Another plan is under way") as error:
        world.apply()
    assert "0a1b2c0a1b2c" in error.value.detail
    assert changes(world) == before

    record.set_standing("done")
    world.apply()


def test_a_plan_that_is_applied_again_after_its_rollback_is_under_way_again(world):
    world.apply()
    world.rollback()
    assert _other_record(world).others() == ()

    waves = [w.name for p in world.plan.phases for w in p.waves]
    world.apply(Reach(to=waves[1]))

    assert len(_other_record(world).others()) == 1


@pytest.mark.parametrize("killed_at", range(1, 4))
def test_a_rollback_that_was_killed_at_its_end_is_closed_by_the_next(world, killed_at, planned):
    """Else no other plan could ever begin."""
    world.apply()
    straight = World(*planned)
    straight.apply()
    before = straight.writes
    straight.rollback()
    total = straight.writes - before
    assert world.killed(world.rollback, total - killed_at + 1, after=False)

    world.rollback()

    assert _other_record(world).others() == ()
    assert world.image() == world.start


def test_what_nobody_acknowledged_is_refused_before_the_lock_is_taken(world):
    said = Acknowledgement(
        code="AMB403", rule="wasm", severity=Severity.WARNING, path="",
        target=world.plan.phases[0].waves[0].steps[0].target, says="It is not run.",
    )  # fmt: skip
    world.plan = world.plan.model_copy(update={"acknowledgements": (said,)})

    with pytest.raises(BlockedPlanError) as error:
        engine.refuse_blocked(world.plan)
    assert "AMB403" in error.value.detail
    assert error.value.exit_code == 3

    with pytest.raises(BlockedPlanError):
        world.apply()
    assert changes(world) == []


def test_two_applies_at_once_one_works(world, planned):
    """The second one comes while the first waits for its rollout."""
    other = World(*planned)
    other.cluster, other.clock, other.who = world.cluster, world.clock, "you@there/2"
    other.gone = lambda _: False
    errors = []

    def second():
        try:
            other.apply()
        except LockHeldError as error:
            errors.append(error)

    world.clock.after(5, second)
    world.apply()

    assert [error.exit_code for error in errors] == [8]
    straight = World(*planned)
    straight.apply()
    assert world.image(times=False) == straight.image(times=False)


def test_a_dry_run_changes_nothing_not_even_the_record(world):
    engine.check(world.job())

    assert world.cluster.writes == []
    assert world.journal.entries() == ()


def test_who_only_looks_disturbs_no_run(world):
    """`migrate status` between the two places of the record, in the middle of an append."""
    looks = []

    def looking(write):
        if write.ref.name.startswith("migrate-"):
            looks.append(len(world.job().run.record.entries()))

    world.cluster.faults.before_write = looking

    world.apply()

    assert len(looks) > 20
