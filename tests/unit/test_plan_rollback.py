"""What a plan says of a rollback from any of its checkpoints: what the way forward does not open or close."""

from migrator.istio import kinds
from migrator.planner.file import planfile
from migrator.planner.outlook.exposure import with_exposure
from migrator.report.exposed import exposed
from tests.property.meshes import resource, service, workload
from tests.unit.test_plan_exposure import codes, made, policy, shop, strict

TOKENS = {"selector": {"matchLabels": {"app": "a"}}, "jwtRules": [{"issuer": "i"}]}


def lines(plan):
    return next(said for title, _, said in exposed(plan) if title.startswith("ROLLED BACK"))


def test_the_way_back_is_the_way_forward_and_nothing_is_said():
    """Namespaces that flip as a whole too: there, pods of both kinds run together in another order."""
    for found in ([*shop("a", "b")], [*shop("a", "b"), policy("p", "a"), strict()]):
        _, plan = made(found)
        assert plan.steps()
        assert not any((plan.rollback.opens, plan.rollback.closes, plan.rollback.unknown))
        assert lines(plan) == []


def jobs():
    """Pods of Jobs run on while a rollback goes on: nothing restarts them."""
    return [
        *shop("b"),
        workload(kinds.CRON_JOB, "shop", "a", {}),
        service("shop", "a"),
        resource(kinds.REQUEST_AUTHENTICATION, "shop", "jwt", spec=TOKENS),
    ]


def without_waiting():
    """A plan that somebody took the wait for Jobs out of."""
    mesh, plan = made(jobs())
    phases = tuple(
        phase.model_copy(
            update={
                "waves": tuple(
                    wave.model_copy(
                        update={"steps": tuple(s for s in wave.steps if s.kind != "wait-for-jobs")}
                    )
                    for wave in phase.waves
                )
            }
        )
        for phase in plan.phases
    )
    return mesh, with_exposure(mesh, plan.model_copy(update={"phases": phases}))


def test_a_rollback_waits_for_jobs_and_opens_nothing():
    _, plan = made(jobs())

    assert any(step.kind == "wait-for-jobs" for _, _, step in plan.steps())
    assert not any((plan.rollback.opens, plan.rollback.closes, plan.rollback.unknown))


def test_what_a_rollback_opens_is_said_and_asked_for():
    """The guard goes while an ambient pod of a Job runs on, and no proxy looks at its tokens."""
    mesh, plan = without_waiting()
    opened = {one.target.name for one in plan.rollback.opens}

    assert opened == {"a"}
    assert not any(wave.exposure.opens for phase in plan.phases for wave in phase.waves)
    assert {name for name, _ in lines(plan)} >= {"opens"}
    asked = [a for a in plan.acknowledgements if a.rule == "rollback-opens"]
    assert {(a.code, str(a.target)) for a in asked} == {
        ("PLAN03", "Service/shop/a"),
        ("PLAN03", "CronJob/shop/a"),
    }
    assert all(a.says.startswith("Rolled back: ") for a in asked)
    assert plan.is_stopped

    given = [a.model_copy(update={"acknowledged": True}) for a in plan.acknowledgements]
    accepted = plan.model_copy(update={"acknowledgements": tuple(given)})
    assert "PLAN03" not in codes(with_exposure(mesh, accepted))


def test_it_is_said_from_the_undoing_of_which_step_until_which():
    _, plan = without_waiting()
    steps = [step.id for _, _, step in plan.steps()]

    assert plan.rollback.opens
    for one in plan.rollback.opens:
        assert one.since in steps
        assert not one.until or steps.index(one.until) <= steps.index(one.since)


def test_the_plan_file_keeps_it():
    _, plan = without_waiting()

    assert planfile.load(planfile.dump(plan)).rollback == plan.rollback
    _, quiet = made(shop("a", "b"))
    assert "\nrollback: {}\n" in planfile.dump(quiet)
