"""In a simulation an instruction that was answered with yes has been followed, there and back."""

import pytest
import yaml

from migrator.adapters.fake import FakeClock, FakeCluster, Persons
from migrator.engine.gitops import Commit
from migrator.engine.predicates import observe
from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.mesh import Mesh
from migrator.model.news import Question
from migrator.model.resource import Ref, Resource
from migrator.model.snapshot import Snapshot
from migrator.model.verdict import State
from migrator.planner.builder import make_plan
from migrator.planner.options import PlanOptions
from migrator.planner.phases import checks
from migrator.planner.plan import Phase, PhaseName, Wave
from migrator.steps import Person, SetLabels, Target

SHOP = Ref(*kinds.NAMESPACE, "", "shop")
TOOL = Ref(*kinds.POD, "shop", "tool")
SET = Ref(*kinds.REPLICA_SET, "shop", "old")
OPERATED = Ref("example.com", "Machine", "shop", "one")
OBJECTS = """
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Pod
metadata: {name: tool, namespace: shop, labels: {app: tool}}
spec: {containers: [{name: app, image: "tool:1"}]}
---
apiVersion: v1
kind: Pod
metadata:
  name: machine
  namespace: shop
  labels: {app: machine}
  ownerReferences: [{apiVersion: example.com/v1, kind: Machine, name: one, controller: true}]
spec: {containers: [{name: app, image: "tool:1"}]}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: old, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: old}}
  template:
    metadata: {labels: {app: old}}
    spec: {containers: [{name: app, image: "tool:1"}]}
"""


class Answers:
    """A watcher that answers everything alike."""

    def __init__(self, answer):
        self.answer = answer

    def tell(self, news):
        pass

    def ask(self, question):
        return self.answer


def cluster_of(**options):
    bodies = list(yaml.safe_load_all(OBJECTS))
    found = (
        Resource(Ref(b["apiVersion"].rpartition("/")[0], b["kind"], b["metadata"].get("namespace", ""),
                     b["metadata"]["name"]), b)
        for b in bodies
    )  # fmt: skip
    return FakeCluster.of(Snapshot(found), FakeClock(), **options)


def person(ref, *checks_after):
    return Person(
        id="step", target=Target.of(ref), why="", title="t", instruction="i", after=checks_after
    )


def persons(cluster, step, *, answer=True):
    plan = make_plan(Mesh(Snapshot(())), (), PlanOptions())
    wave = Wave(name="w", goal="", steps=(step,), gates=())
    phase = Phase(name=PhaseName.SWITCH, goal="", waves=(wave,))
    return Persons(Answers(answer), cluster, plan.model_copy(update={"phases": (phase,)}))


def holds(cluster, step, check):
    cluster.clock.settle(60)
    return observe(check, step, cluster).state is State.DONE


@pytest.mark.parametrize("ref", [TOOL, SET, OPERATED], ids=str)
@pytest.mark.parametrize("whole", [True, False], ids=["by namespace", "by labels of their own"])
def test_pods_that_nothing_rolls_move_and_come_back(ref, whole):
    cluster, step = cluster_of(), person(ref, checks.pods_ambient(ref))
    asked = persons(cluster, step)
    if whole:
        flip = {names.INJECTION: None, names.DATAPLANE_MODE: "ambient"}
        cluster.patch(SHOP, {"metadata": {"labels": flip}})
    assert not holds(cluster, step, checks.pods_ambient(ref))

    assert asked.ask(Question("instruction", "step", "recreate"))
    assert holds(cluster, step, checks.pods_ambient(ref))

    if whole:
        back = {names.INJECTION: "enabled", names.DATAPLANE_MODE: None}
        cluster.patch(SHOP, {"metadata": {"labels": back}})
    assert asked.ask(Question("instruction", "step", "recreate"))
    assert holds(cluster, step, checks.pods_have_sidecar(ref))
    pods = cluster.list(kinds.POD, "shop")
    assert all(names.INJECT not in pod["metadata"]["labels"] for pod in pods)


def test_ambient_is_installed():
    cluster, step = cluster_of(ambient=False), person(SHOP, checks.istiod_ambient())
    assert not holds(cluster, step, checks.istiod_ambient())

    persons(cluster, step).ask(Question("instruction", "step", "install"))

    assert holds(cluster, step, checks.istiod_ambient())
    assert holds(cluster, step, checks.nodes_ready())


def test_a_change_is_committed_where_the_object_is_owned():
    cluster = cluster_of()
    step = SetLabels(id="step", target=Target.of(SHOP), why="", labels={"a": "b"}, old={"a": None})

    commit = Commit("step", step.target, step.writes(""), "")
    persons(cluster, step).ask(Question("instruction", "step", "commit", "", commit))

    assert cluster.get(SHOP)["metadata"]["labels"]["a"] == "b"
    assert cluster.writes == []


def test_who_says_no_has_done_nothing_and_other_questions_ask_for_nothing():
    cluster, step = cluster_of(), person(TOOL, checks.pods_ambient(TOOL))
    before = cluster.everything()

    assert not persons(cluster, step, answer=False).ask(Question("instruction", "step", "x"))
    assert persons(cluster, step).ask(Question("step", "step", "x"))
    assert persons(cluster, step).ask(Question("gate", "w/gate-0-person", "x"))

    assert cluster.everything() == before
