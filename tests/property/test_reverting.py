"""What a rollback opens and closes beyond the way forward, by namespaces, is what whole states say.

A rollback begins at the end of any wave. The steps are also put in other orders than the tool's own.
"""

from hypothesis import given, settings
from hypothesis import strategies as st

from migrator.exposure.compare import compare
from migrator.istio.mesh import Mesh
from migrator.model.snapshot import Snapshot
from migrator.planner.outlook.course import Course
from migrator.planner.outlook.exposing import on_course
from migrator.planner.outlook.moments import moments, moments_back
from migrator.planner.outlook.reverting import reverted
from tests.property.meshes import planned_with_all_accepted, resources


def _shuffled(plan, chance):
    """The same waves with other steps in them."""
    steps = [step for _, _, step in plan.steps()]
    chance.shuffle(steps)
    left = iter(steps)
    phases = tuple(
        phase.model_copy(
            update={
                "waves": tuple(
                    wave.model_copy(update={"steps": tuple(next(left) for _ in wave.steps)})
                    for wave in phase.waves
                )
            }
        )
        for phase in plan.phases
    )
    return plan.model_copy(update={"phases": phases})


def _plain(kind, change):
    """Who stands for others, and which of the requests stands for all, may differ."""
    bare = change._replace(alike=False, principal="", request="", why="", policy=None, hop="")
    return kind, bare


def _seen(mesh, plan):
    """On the way forward, and on the way back from every checkpoint, from whole states."""
    start, *later = moments(mesh, plan)
    ends = [wave.steps[-1].id for phase in plan.phases for wave in phase.waves if wave.steps]
    back = (m for end in ends for m in moments_back(mesh, plan, after=end))
    return _all(start, later), _all(start, back)


def _all(start, found):
    return {
        _plain(kind, change)
        for moment in found
        for kind, changes in compare(start.state, moment.state)._asdict().items()
        for change in changes
    }


def _check(mesh, plan, kinds=("opens", "closes", "unknown"), *, exact=True):
    course = Course(mesh, plan)
    told = on_course(course)
    only, forward, seen_forward, seen_back = (
        {one for one in found if one[0] in kinds}
        for found in (
            {_plain(o.kind.value, o.change) for o in reverted(course, told)},
            {_plain(o.kind.value, o.change) for o in told},
            *_seen(mesh, plan),
        )
    )

    assert forward == seen_forward
    assert seen_back <= forward | only
    assert only <= seen_back or not exact


@settings(max_examples=8, deadline=None)
@given(resources())
def test_what_only_a_rollback_changes_is_told_and_nothing_else(found):
    mesh = Mesh(Snapshot(found))
    _check(mesh, planned_with_all_accepted(mesh))


@settings(max_examples=8, deadline=None)
@given(resources(), st.randoms(use_true_random=False))
def test_in_other_orders_too(found, chance):
    """Nothing is left out; where ways back from different checkpoints meet, more may be told than happens.

    Of an identity that only a waypoint has which is not made yet, whole states say that it is unknown.
    """
    mesh = Mesh(Snapshot(found))
    plan = _shuffled(planned_with_all_accepted(mesh), chance)
    _check(mesh, plan, ("opens", "closes"), exact=False)
