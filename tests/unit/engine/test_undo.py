"""What is waited for after an undo."""

from pathlib import Path

import pytest

from migrator.engine.stepper import undo_checks
from migrator.errors import RollbackIncompleteError
from migrator.istio import kinds
from migrator.model.resource import Ref
from tests.runs import World, accepted

BANK = Path(__file__).parents[3] / "plans" / "examples" / "bank" / "mesh"


@pytest.fixture(scope="module")
def planned():
    return accepted(BANK)


def test_sidecars_that_the_plan_made_receive_hbone_do_so_again(planned):
    """Callers that are still ambient would reach them in plain text, which they refuse."""
    plan, _ = planned
    steps = [step for _, _, step in plan.steps()]
    prepared = {s.target.ref for s in steps if s.id.startswith("hbone.")}
    moved = [s for s in steps if "pods-ambient" in {c.predicate for c in s.after}]
    waited = {s.target.ref: [c.predicate for c in undo_checks(s, plan)] for s in moved}

    assert prepared & waited.keys()
    for ref, predicates in waited.items():
        assert "pods-have-sidecar" in predicates
        assert ("pods-accept-hbone" in predicates) is (ref in prepared)

    phases = [
        p for p in plan.phases if not any(w.steps[0].id.startswith("hbone.") for w in p.waves)
    ]
    bare = plan.model_copy(update={"phases": tuple(phases)})
    assert len(phases) == len(plan.phases) - 1
    for step in moved:
        assert "pods-accept-hbone" not in {c.predicate for c in undo_checks(step, bare)}


def test_a_rollback_stands_where_sidecars_come_back_that_cannot_receive_hbone(planned):
    world = World(*planned)
    world.apply()
    config = Ref(*kinds.CONFIG_MAP, "istio-system", "istio")
    mesh = world.cluster.get(config)["data"]["mesh"]
    world.cluster.meddle(config, {"data": {"mesh": mesh.replace("ENABLE_HBONE", "NO_HBONE")}})

    with pytest.raises(RollbackIncompleteError) as error:
        world.rollback()
    assert error.value.exit_code == 7
    assert "networking.istio.io/tunnel is absent" in error.value.detail

    world.cluster.meddle(config, {"data": {"mesh": mesh}})
    for pod in world.cluster.list(
        kinds.POD
    ):  # a person rolls them once more, with the setting back
        if pod["metadata"]["namespace"].startswith("bank"):
            ref = Ref(*kinds.POD, pod["metadata"]["namespace"], pod["metadata"]["name"])
            world.cluster.meddle_delete(ref)
    world.clock.settle(60)
    world.rollback()
    assert world.image() == world.start
