"""The Lease: who gets it, who keeps it, and what a write does whose answer was lost."""

from datetime import timedelta

import pytest

from migrator.adapters.fake import FakeClock, FakeCluster
from migrator.engine.lock import DURATION, Holder, Lock
from migrator.errors import ClusterError, LockHeldError, UnknownOutcomeError
from migrator.model.resource import Ref

ROOT = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "istio-system"}}
LEASE = Ref("coordination.k8s.io", "Lease", "istio-system", "migrate")


@pytest.fixture
def cluster():
    return FakeCluster([ROOT])


def lock_of(cluster, name="ann@laptop/1", gone=()):
    return Lock(cluster, cluster.clock, "istio-system", Holder(name, lambda one: one in gone))


def holder(cluster):
    return (cluster.get(LEASE)["spec"]).get("holderIdentity")


def renewed(cluster):
    return cluster.get(LEASE)["spec"]["renewTime"]


def test_the_first_gets_it_and_gives_it_back(cluster):
    lock = lock_of(cluster)

    lock.acquire()
    assert holder(cluster) == "ann@laptop/1"

    lock.release()
    assert holder(cluster) is None


@pytest.mark.parametrize("waited", [0, 30, DURATION.total_seconds()])
def test_a_second_one_is_told_who_has_it(cluster, waited):
    lock_of(cluster).acquire()
    cluster.clock.sleep(waited)

    with pytest.raises(LockHeldError, match="Another run has the lock") as refused:
        lock_of(cluster, "bob@desk/2").acquire()

    assert "ann@laptop/1" in refused.value.detail
    assert refused.value.exit_code == 8
    assert holder(cluster) == "ann@laptop/1"


@pytest.mark.parametrize(
    ("waited", "gone"),
    [
        pytest.param(DURATION.total_seconds() + 1, (), id="expired"),
        pytest.param(0, ("ann@laptop/1",), id="a process of this machine that has ended"),
    ],
)
def test_a_lease_of_somebody_who_is_gone_is_taken(cluster, waited, gone):
    lock_of(cluster).acquire()
    cluster.clock.sleep(waited)

    lock_of(cluster, "bob@desk/2", gone).acquire()

    assert holder(cluster) == "bob@desk/2"


@pytest.mark.parametrize("time", [None, "", "yesterday", 5])
def test_a_lease_without_a_time_that_can_be_read_has_expired(cluster, time):
    lock_of(cluster).acquire()
    cluster.meddle(LEASE, {"spec": {"renewTime": time}})

    lock_of(cluster, "bob@desk/2").acquire()

    assert holder(cluster) == "bob@desk/2"


def test_it_is_renewed_when_it_is_time_and_not_before(cluster):
    lock = lock_of(cluster)
    lock.acquire()
    first = renewed(cluster)

    cluster.clock.sleep(14)
    lock.keep()
    assert renewed(cluster) == first

    cluster.clock.sleep(1)
    lock.keep()
    assert renewed(cluster) > first


def takes_it(cluster):
    cluster.clock.sleep((DURATION + timedelta(seconds=1)).total_seconds())
    lock_of(cluster, "bob@desk/2").acquire()


def deletes_it(cluster):
    cluster.meddle_delete(LEASE)
    cluster.clock.sleep(20)


def releases_it(cluster):
    cluster.meddle(LEASE, {"spec": {"holderIdentity": None}})
    cluster.clock.sleep(20)


@pytest.mark.parametrize("lose", [takes_it, deletes_it, releases_it])
def test_a_lost_lease_stops_the_run_and_is_not_taken_back(cluster, lose):
    lock = lock_of(cluster)
    lock.acquire()
    lose(cluster)
    writes = len(cluster.writes)

    with pytest.raises(LockHeldError):
        lock.keep()

    assert len(cluster.writes) == writes


def test_what_is_anothers_is_not_released(cluster):
    lock = lock_of(cluster)
    lock.acquire()
    takes_it(cluster)

    lock.release()

    assert holder(cluster) == "bob@desk/2"


def test_a_release_without_a_cluster_is_no_error(cluster):
    lock = lock_of(cluster)
    lock.acquire()
    cluster.faults.unreachable = True

    lock.release()

    cluster.faults.unreachable = False
    assert holder(cluster) == "ann@laptop/1"


def test_of_two_that_create_it_at_once_one_gets_it(cluster):
    def other(_write):
        cluster.faults.before_write = lambda _: None
        lock_of(cluster, "bob@desk/2").acquire()

    cluster.faults.before_write = other

    with pytest.raises(LockHeldError, match="Another run"):
        lock_of(cluster).acquire()

    assert holder(cluster) == "bob@desk/2"


def test_of_two_that_take_an_expired_one_at_once_one_gets_it(cluster):
    lock_of(cluster, "old@box/9").acquire()
    cluster.clock.sleep(100)

    def other(_write):
        cluster.faults.before_write = lambda _: None
        lock_of(cluster, "bob@desk/2").acquire()

    cluster.faults.before_write = other

    with pytest.raises(LockHeldError, match="Another run"):
        lock_of(cluster).acquire()

    assert holder(cluster) == "bob@desk/2"


def test_somebodys_annotation_in_between_is_no_loss(cluster):
    lock = lock_of(cluster)
    lock.acquire()
    cluster.clock.sleep(20)

    def annotates(_write):
        cluster.faults.before_write = lambda _: None
        cluster.meddle(LEASE, {"metadata": {"annotations": {"note": "seen"}}})

    cluster.faults.before_write = annotates
    first = renewed(cluster)

    lock.keep()

    assert renewed(cluster) > first


@pytest.mark.parametrize("stored", [True, False])
def test_an_acquire_whose_answer_was_lost_is_looked_at_again(cluster, stored):
    cluster.faults.fail(UnknownOutcomeError("the connection broke"), stored=stored)
    lock = lock_of(cluster)

    lock.acquire()

    assert holder(cluster) == "ann@laptop/1"
    lock.keep()


@pytest.mark.parametrize("stored", [True, False])
def test_a_renewal_whose_answer_was_lost_is_looked_at_again(cluster, stored):
    lock = lock_of(cluster)
    lock.acquire()
    cluster.clock.sleep(20)
    first = renewed(cluster)
    cluster.faults.fail(UnknownOutcomeError("the connection broke"), stored=stored)

    lock.keep()

    assert holder(cluster) == "ann@laptop/1"
    assert renewed(cluster) > first


def test_a_renewal_that_is_never_answered_says_so(cluster):
    lock = lock_of(cluster)
    lock.acquire()
    cluster.clock.sleep(20)
    cluster.faults.fail(UnknownOutcomeError("the connection broke"), 99)

    with pytest.raises(UnknownOutcomeError):
        lock.keep()


def test_a_lease_that_was_lost_while_the_answer_was_is_not_renewed(cluster):
    """The write was not made, and another run took the expired Lease before it was read again."""
    lock = lock_of(cluster)
    lock.acquire()
    cluster.clock.sleep(DURATION.total_seconds() + 10)

    def other(_write):
        cluster.faults.before_write = lambda _: None
        lock_of(cluster, "bob@desk/2").acquire()

    cluster.faults.fail(UnknownOutcomeError("the connection broke"), match=_is_renewal_of("ann"))
    cluster.faults.before_write = other

    with pytest.raises(LockHeldError):
        lock.keep()

    assert holder(cluster) == "bob@desk/2"


def test_errors_of_the_cluster_are_not_taken_for_a_held_lock(cluster):
    cluster.faults.fail(ClusterError("the API server answered 503"))

    with pytest.raises(ClusterError, match="503") as error:
        lock_of(cluster).acquire()

    assert error.value.exit_code == 1


def _is_renewal_of(who):
    return lambda write: who in str(write.change["spec"]["holderIdentity"])


def test_time_is_read_in_utc_with_its_fraction(cluster):
    """Other clients, kubectl among them, expect MicroTime."""
    lock_of(cluster).acquire()

    assert renewed(cluster) == cluster.clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert isinstance(cluster.clock, FakeClock)
