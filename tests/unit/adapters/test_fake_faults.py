"""Faults of the in-memory cluster: each stops just what it is about, and what is stored is known."""

import pytest

from migrator.adapters.fake import FakeCluster, KilledError
from migrator.errors import ClusterError, ConflictError, ForbiddenError, InvalidError
from migrator.errors import UnknownOutcomeError as Unknown
from migrator.istio import kinds
from migrator.model.resource import Ref

REF = Ref(*kinds.CONFIG_MAP, "shop", "one")
SPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
ONE = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "one", "namespace": "shop"},
    "data": {"n": "0"},
}


@pytest.fixture
def cluster():
    return FakeCluster([SPACE, ONE])


def write(cluster, number):
    return cluster.patch(REF, {"data": {"n": str(number)}})


def stored(cluster):
    """Read by somebody else, whom no fault stops."""
    return next(b["data"]["n"] for b in cluster.everything() if b["kind"] == "ConfigMap")


@pytest.mark.parametrize(("after", "left"), [(False, "2"), (True, "3")])
def test_a_kill_comes_before_or_after_one_write(cluster, after, left):
    cluster.faults.kill(3, after=after)
    write(cluster, 1)
    write(cluster, 2)

    with pytest.raises(KilledError):
        write(cluster, 3)

    assert stored(cluster) == left
    assert len(cluster.writes) == int(left)


def test_who_was_killed_does_nothing_more_until_another_process_comes(cluster):
    cluster.faults.kill(1, after=False)
    with pytest.raises(KilledError):
        write(cluster, 1)

    for act in (lambda: write(cluster, 2), lambda: cluster.get(REF), lambda: cluster.delete(REF)):
        with pytest.raises(KilledError):
            act()
    cluster.faults.revive()
    write(cluster, 3)

    assert stored(cluster) == "3"


def test_no_handler_of_errors_survives_a_kill(cluster):
    cluster.faults.kill(1, after=True)

    assert not issubclass(KilledError, Exception)
    with pytest.raises(KilledError):
        write(cluster, 1)


def test_reads_and_dry_runs_are_no_writes(cluster):
    cluster.faults.kill(1, after=True)

    cluster.get(REF)
    cluster.list(kinds.CONFIG_MAP)
    cluster.patch(REF, {"data": {"n": "9"}}, dry_run=True)
    cluster.delete(REF, dry_run=True)

    assert stored(cluster) == "0"
    assert cluster.writes == []


def test_conflicts_come_as_often_as_asked_and_only_where(cluster):
    cluster.faults.conflict(2, match=lambda write: write.verb == "patch")

    cluster.create({**ONE, "metadata": {"name": "two", "namespace": "shop"}})
    for _ in range(2):
        with pytest.raises(ConflictError):
            write(cluster, 1)
    write(cluster, 2)

    assert stored(cluster) == "2"
    assert [one.verb for one in cluster.writes] == ["create", "patch"]


def test_a_write_whose_answer_is_lost_was_made(cluster):
    cluster.faults.lose()

    with pytest.raises(Unknown):
        write(cluster, 1)

    assert stored(cluster) == "1"
    assert len(cluster.writes) == 1


def test_errors_of_the_server_are_answered_as_they_are(cluster):
    cluster.faults.fail(ClusterError("overloaded"))

    with pytest.raises(ClusterError, match="overloaded"):
        write(cluster, 1)

    assert stored(cluster) == "0"


def test_admission_refuses_dry_runs_too_until_it_is_told_otherwise(cluster):
    cluster.faults.refuse("quota", lambda write: write.ref == REF)

    for dry_run in (True, False):
        with pytest.raises(InvalidError) as error:
            cluster.patch(REF, {"data": {"n": "1"}}, dry_run=dry_run)
        assert error.value.detail == "quota"
    cluster.faults.allow()
    write(cluster, 2)

    assert stored(cluster) == "2"


def test_a_permission_that_is_missing_is_said_and_held(cluster):
    cluster.faults.forbid("patch", kinds.CONFIG_MAP)

    assert not cluster.may("patch", kinds.CONFIG_MAP, "shop")
    assert cluster.may("get", kinds.CONFIG_MAP, "shop")
    with pytest.raises(ForbiddenError):
        write(cluster, 1)
    cluster.faults.forbid("get", kinds.CONFIG_MAP)
    with pytest.raises(ForbiddenError):
        cluster.get(REF)


def test_an_api_server_that_is_out_of_reach_answers_nothing(cluster):
    cluster.faults.unreachable = True

    for act in (lambda: write(cluster, 1), lambda: cluster.list(kinds.CONFIG_MAP)):
        with pytest.raises(ClusterError, match="does not answer"):
            act()
    cluster.faults.unreachable = False

    assert cluster.get(REF)["data"] == {"n": "0"}


def test_somebody_else_writes_just_before_a_write(cluster):
    seen = []

    def meddle(write):
        seen.append((write.verb, write.ref, write.change))
        if len(seen) == 1:
            cluster.meddle(REF, {"data": {"theirs": "1"}})

    cluster.faults.before_write = meddle
    version = cluster.get(REF)["metadata"]["resourceVersion"]
    with pytest.raises(ConflictError):
        cluster.patch(REF, {"data": {"n": "1"}}, version=version)
    cluster.patch(REF, {"data": {"n": "1"}})

    assert seen[0] == ("patch", REF, {"data": {"n": "1"}})
    assert cluster.get(REF)["data"] == {"n": "1", "theirs": "1"}
    assert len(cluster.writes) == 1


def test_what_a_caller_does_to_a_manifest_later_is_not_stored(cluster):
    manifest = {**ONE, "metadata": {"name": "two", "namespace": "shop"}, "data": {"n": "1"}}
    cluster.create(manifest)
    manifest["data"]["n"] = "changed"

    assert cluster.get(REF._replace(name="two"))["data"] == {"n": "1"}


def test_what_was_read_stays_as_it_was(cluster):
    before = cluster.get(REF)

    write(cluster, 1)

    assert before["data"] == {"n": "0"}
