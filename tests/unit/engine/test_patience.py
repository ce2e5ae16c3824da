"""A cluster that is away is waited for where asking again is safe, and not for ever."""

import pytest

from migrator.adapters.fake import FakeCluster
from migrator.engine.patience import PATIENCE_SECONDS, Patient
from migrator.errors import ConflictError, ForbiddenError, UnknownOutcomeError, UnreachableError
from migrator.istio import kinds
from migrator.model.news import Topic
from migrator.model.resource import Ref
from tests.runs import Watcher

ROOT = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
SHOP = Ref(*kinds.NAMESPACE, "", "shop")
MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one", "namespace": "shop"}}
LABEL = {"metadata": {"labels": {"a": "b"}}}


@pytest.fixture
def cluster():
    return FakeCluster([ROOT])


@pytest.fixture
def watcher():
    return Watcher()


@pytest.fixture
def patient(cluster, watcher):
    return Patient(cluster, cluster.clock, watcher)


def away_for(cluster, seconds):
    cluster.faults.unreachable = True
    cluster.clock.after(seconds, lambda: setattr(cluster.faults, "unreachable", False))


ASKS = {
    "get": lambda c: c.get(SHOP),
    "list": lambda c: c.list(kinds.NAMESPACE),
    "create": lambda c: c.create(MAP),
    "patch": lambda c: c.patch(SHOP, LABEL),
    "delete": lambda c: c.delete(SHOP),
    "may": lambda c: c.may("get", kinds.POD),
}


class Slow(FakeCluster):
    """Its reviews of access fail like everything else; they ask an API server too."""

    def may(self, verb, kind, namespace=""):
        self.faults.on_read(verb, kind)
        return super().may(verb, kind, namespace)


@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS)
def test_what_is_asked_is_answered_when_the_cluster_is_back(watcher, ask):
    cluster = Slow([ROOT])
    patient = Patient(cluster, cluster.clock, watcher)
    patient.get(SHOP)
    away_for(cluster, 65)
    begin = cluster.clock.now()

    found = ask(patient)

    assert 65 <= (cluster.clock.now() - begin).total_seconds() == patient.away <= 68
    assert watcher.said(Topic.WAITING)[0] == "cluster: the cluster does not answer"
    assert bool(found) is (ask is not ASKS["delete"])
    assert len(cluster.writes) == (ask in {ASKS["create"], ASKS["patch"], ASKS["delete"]})


def test_a_cluster_that_never_answered_is_not_waited_for(cluster, patient):
    away_for(cluster, 1)
    begin = cluster.clock.now()

    with pytest.raises(UnreachableError):
        patient.get(SHOP)

    assert cluster.clock.now() == begin


def test_patience_ends_and_is_not_begun_again_before_the_next_answer(cluster, patient):
    patient.get(SHOP)
    cluster.faults.unreachable = True

    with pytest.raises(UnreachableError):
        patient.get(SHOP)
    ended = cluster.clock.now()
    assert PATIENCE_SECONDS <= patient.away <= PATIENCE_SECONDS + 5

    with pytest.raises(UnreachableError):
        patient.get(SHOP)
    assert cluster.clock.now() == ended

    cluster.faults.unreachable = False
    patient.get(SHOP)
    away_for(cluster, 10)
    patient.get(SHOP)
    assert (cluster.clock.now() - ended).total_seconds() >= 10


@pytest.mark.parametrize(
    "error",
    [
        ConflictError("changed by someone else"),
        ForbiddenError("refused"),
        UnknownOutcomeError("the connection broke during a change"),
    ],
)
def test_a_change_that_may_have_been_made_or_was_refused_is_not_sent_again(cluster, patient, error):
    patient.get(SHOP)
    cluster.faults.fail(error, 2)

    with pytest.raises(type(error)):
        patient.patch(SHOP, LABEL)

    assert patient.away == 0
    with pytest.raises(
        type(error)
    ):  # the second failure is still there: the first was the only try
        patient.patch(SHOP, LABEL)
