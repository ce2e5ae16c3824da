"""What is told namespace by namespace is what whole states say, moment by moment."""

from hypothesis import given, settings

from migrator.exposure.compare import compare
from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.snapshot import Snapshot
from migrator.planner.outlook.exposing import exposed
from migrator.planner.outlook.moments import moments
from tests.property.meshes import planned, planned_with_all_accepted, resources


@settings(max_examples=20, deadline=None)
@given(resources())
def test_every_change_of_some_moment_is_told_and_no_other(found):
    mesh = Mesh(Snapshot(found))
    plan = planned_with_all_accepted(mesh)
    first, *later = moments(mesh, plan)
    seen = set()
    for moment in later:
        difference = compare(first.state, moment.state)
        for kind in difference._fields:
            seen |= {(kind, _plain(change)) for change in getattr(difference, kind)}
    assert {(one.kind.value, _plain(one.change)) for one in exposed(mesh, plan)} == seen


def _plain(change):
    """Who stands for others, and which of the requests stands for all, may differ."""
    return change._replace(alike=False, principal="", request="", why="")


@settings(max_examples=20, deadline=None)
@given(resources())
def test_a_plan_without_accepted_blockers_opens_nothing_that_a_policy_denies(found):
    """Somebody whom STRICT refused for want of mutual TLS may get through once ztunnel speaks for it."""
    found = [one for one in found if one.ref.group_kind != kinds.DESTINATION_RULE]
    mesh = Mesh(Snapshot(found))
    plan = planned(mesh)
    opens = [one for p in plan.phases for wave in p.waves for one in wave.exposure.opens]
    against = {one.policy.kind if one.policy and one.identities else str(one) for one in opens}
    assert against <= {"PeerAuthentication"}
    assert plan.is_stopped == bool(opens or plan.rollback.opens)
