"""What opens between two neighbouring moments is told: as an opening against the start, or as the end of a
closing. So to compare each moment with the start is enough.
"""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from migrator.exposure.compare import compare
from migrator.exposure.ways import Kind
from migrator.istio.mesh import Mesh
from migrator.model.snapshot import Snapshot
from migrator.planner.outlook.exposing import exposed
from migrator.planner.outlook.moments import moments
from tests.property.meshes import planned_with_all_accepted, resources


@settings(max_examples=20, deadline=None)
@given(resources(), st.randoms(use_true_random=False))
def test_what_opens_between_neighbours_opens_against_the_start_or_ends_a_closing(found, chance):
    """In whatever order somebody puts the steps: in the tool's own there is hardly anything to see."""
    mesh = Mesh(Snapshot(found))
    plan = _shuffled(planned_with_all_accepted(mesh), chance)
    told = exposed(mesh, plan)
    places = {step.id: number for number, (_, _, step) in enumerate(plan.steps())}

    for before, after in pairwise(moments(mesh, plan)):
        then, now = _index(before, places), _index(after, places)
        for change in compare(before.state, after.state).opens:
            opened = _told(told, Kind.OPENS, change, now)
            closed = _told(told, Kind.CLOSES, change, then)
            assert opened or closed, (after.step, change)


def _shuffled(plan, chance):
    if not plan.phases:
        return plan
    steps = [step for _, _, step in plan.steps()]
    chance.shuffle(steps)
    phase = plan.phases[0]
    wave = phase.waves[0].model_copy(update={"steps": tuple(steps)})
    phase = phase.model_copy(update={"waves": (wave,)})
    return plan.model_copy(update={"phases": (phase,)})


def _index(moment, places):
    if moment.step is None:
        return 0
    return 2 * places[moment.step] + (1 if moment.rolling else 2)


def _told(told, kind, change, moment):
    """Whether something of that kind is told of the same target at that moment."""
    return any(
        one.kind is kind
        and one.since <= moment < one.until
        and _where(one.change) == _where(change)
        for one in told
    )


def _where(change):
    return change.service, change.server, change.direct, change.port
