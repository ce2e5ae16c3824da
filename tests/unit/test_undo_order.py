"""Newest first, but injection is back before pods restart, and ambient stays until they have."""

from migrator.planner.outlook.undo import order
from migrator.steps import (
    CreateObject,
    Disruption,
    PatchTemplate,
    RestartWorkload,
    SetLabels,
    Target,
    WaitForJobs,
)

FLIP = SetLabels(
    id="flip.shop",
    target=Target(kind="Namespace", name="shop"),
    labels={"istio.io/dataplane-mode": "ambient", "istio-injection": None},
    old={"istio.io/dataplane-mode": None, "istio-injection": "enabled"},
    why="",
)
BIND = SetLabels(
    id="bind.shop.web",
    target=Target(kind="Service", namespace="shop", name="web"),
    labels={"istio.io/use-waypoint": "waypoint"},
    old={"istio.io/use-waypoint": None},
    why="",
)


def move(name, namespace="shop"):
    return RestartWorkload(
        id=f"move.{name}",
        target=Target(group="apps", kind="Deployment", namespace=namespace, name=name),
        why="",
        disruption=Disruption.RESTART,
    )


def words(done):
    return [
        (task.step.id, sorted(task.keys) if task.keys else None, task.last) for task in order(done)
    ]


def test_a_flipped_namespace_comes_back_in_two_parts():
    assert words([FLIP, move("a"), move("b")]) == [
        ("flip.shop", ["istio-injection"], False),
        ("move.b", None, True),
        ("move.a", None, True),
        ("flip.shop", None, True),
    ]


def test_workloads_that_moved_before_the_flip_follow_their_own_labels():
    """Their templates ask for ambient themselves: the flip goes back whole, then they do."""
    assert words([move("a"), FLIP]) == [("flip.shop", None, True), ("move.a", None, True)]


def test_other_namespaces_are_left_where_they_are():
    assert words([FLIP, move("x", "bank")]) == [("move.x", None, True), ("flip.shop", None, True)]


def test_what_restarts_nothing_is_newest_first():
    assert words([BIND, FLIP]) == [("flip.shop", None, True), ("bind.shop.web", None, True)]


def test_the_first_part_covers_injection_only():
    first = order([FLIP, move("a")])[0]

    assert first.covers(("metadata", "labels", "istio-injection"))
    assert not first.covers(("metadata", "labels", "istio.io/dataplane-mode"))


NIGHTLY = Target(group="batch", kind="CronJob", namespace="shop", name="nightly")
WAIT = WaitForJobs(id="wait.nightly", target=NIGHTLY, why="")
JOBS_MOVE = PatchTemplate(
    id="move.nightly",
    target=NIGHTLY,
    template_path="spec.jobTemplate.spec.template",
    labels={"istio.io/dataplane-mode": "ambient", "sidecar.istio.io/inject": "false"},
    annotations={"ambient.istio.io/dns-capture": "false"},
    old_labels={"istio.io/dataplane-mode": None, "sidecar.istio.io/inject": None},
    old_annotations={"ambient.istio.io/dns-capture": None},
    why="",
)
GUARD = CreateObject(
    id="guard.nightly",
    target=Target(
        group="security.istio.io", kind="AuthorizationPolicy", namespace="shop", name="guard"
    ),
    manifest={},
    why="",
)


def test_what_guards_a_job_goes_when_its_ambient_pods_have_ended():
    """Its next pods get sidecars first, or there would always be another one."""
    keys = sorted({*JOBS_MOVE.labels, *JOBS_MOVE.annotations})
    assert words([GUARD, JOBS_MOVE, WAIT]) == [
        ("move.nightly", keys, False),
        ("wait.nightly", None, True),
        ("move.nightly", None, True),
        ("guard.nightly", None, True),
    ]
    first, wait, *_ = order([GUARD, JOBS_MOVE, WAIT])
    assert "its running pods ambient" in first.says
    assert wait.says == "wait for the running ambient pods of CronJob/shop/nightly"


def test_injection_is_back_before_jobs_are_waited_for_and_ambient_stays_until_then():
    assert words([FLIP, WAIT]) == [
        ("flip.shop", ["istio-injection"], False),
        ("wait.nightly", None, True),
        ("flip.shop", None, True),
    ]


def test_the_jobs_of_others_are_left_where_they_are():
    other = WAIT.model_copy(update={"target": Target(kind="Job", namespace="bank", name="x")})
    assert words([FLIP, JOBS_MOVE, other]) == [
        ("wait.nightly", None, True),
        ("move.nightly", None, True),
        ("flip.shop", None, True),
    ]
