"""A rollback waits for Jobs that began as ambient: what guards them goes when they have ended."""

from pathlib import Path

import pytest

from migrator.adapters.fake.jobs import DURATION
from migrator.engine.backward import to_undo
from migrator.istio import kinds
from migrator.model.news import Topic
from migrator.model.resource import Ref
from tests.runs import World, accepted

PLATFORM = Path(__file__).parents[3] / "plans" / "examples" / "platform" / "mesh"
REPORT = Ref(*kinds.CRON_JOB, "batch", "nightly-report")
MOVE, WAIT = "move.batch.cronjob.nightly-report", "wait.batch.cronjob.nightly-report"


@pytest.fixture(scope="module")
def planned():
    return accepted(PLATFORM)


def begin_a_job(world, name):
    """As the CronJob's controller would, from its template of now."""
    cron = world.cluster.get(REPORT)
    owner = {
        "apiVersion": "batch/v1", "kind": "CronJob", "name": REPORT.name,
        "uid": cron["metadata"]["uid"], "controller": True,
    }  # fmt: skip
    world.cluster.create(
        {
            "apiVersion": "batch/v1", "kind": "Job",
            "metadata": {"name": name, "namespace": "batch", "ownerReferences": [owner]},
            "spec": cron["spec"]["jobTemplate"]["spec"],
        }
    )  # fmt: skip
    world.clock.settle(60)


def pods_of(world, job):
    return [
        pod
        for pod in world.cluster.list(kinds.POD)
        if pod["metadata"].get("labels", {}).get("job-name") == job
    ]


def test_an_ambient_job_is_waited_for_when_its_successor_would_have_a_sidecar(planned):
    world = World(*planned)
    world.apply()
    begin_a_job(world, "report-1")
    (pod,) = pods_of(world, "report-1")
    assert pod["metadata"]["annotations"]["ambient.istio.io/redirection"] == "enabled"
    seen = []
    tell = world.watcher.tell

    def look(news):
        tell(news)
        if news.topic is Topic.WAITING and "their end is awaited" in news.says:
            seen.append(world.cluster.get(REPORT)["spec"]["jobTemplate"])

    world.watcher.tell = look
    began = world.clock.now()
    world.rollback()

    before = next(r for r in planned[1].of(kinds.CRON_JOB) if r.ref == REPORT)
    assert seen
    assert all(template == before.spec["jobTemplate"] for template in seen)
    assert (world.clock.now() - began).total_seconds() > DURATION / 2
    assert pods_of(world, "report-1")[0]["status"]["phase"] == "Succeeded"
    for body in pods_of(world, "report-1"):
        world.cluster.meddle_delete(Ref(*kinds.POD, "batch", body["metadata"]["name"]))
    world.cluster.meddle_delete(Ref(*kinds.JOB, "batch", "report-1"))
    assert world.image() == world.start


def test_it_waits_too_where_the_way_forward_had_not_come_to_it(planned):
    """A run that was killed after the Job's template was written, before its wait began."""
    found = None
    for number in range(1, 400):
        world = World(*planned)
        assert world.killed(world.apply, number, after=True)
        progress = world.job().run.progress
        if progress.of(MOVE).standing == "captured" and _is_moved(world):
            found = world
            break
    assert found is not None
    assert not found.job().run.progress.of(WAIT).touched

    tasks = [(task.step.id, task.last) for task in to_undo(found.job().run)]

    assert tasks[:3] == [(MOVE, False), (WAIT, True), (MOVE, True)]
    found.rollback()
    assert found.image() == found.start


def _is_moved(world):
    template = world.cluster.get(REPORT)["spec"]["jobTemplate"]["spec"]["template"]
    return template["metadata"]["labels"].get("istio.io/dataplane-mode") == "ambient"
