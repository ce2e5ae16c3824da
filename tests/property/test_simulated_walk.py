"""Laws of a run, over generated meshes on the in-memory cluster: to the end, back, and on after any kill."""

import json
import re
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from migrator.adapters.fake import FakeClock, FakeCluster, KilledError, MemoryJournal, Persons
from migrator.engine import apply as engine
from migrator.engine.apply import Job
from migrator.engine.forward import Reach
from migrator.engine.lock import Holder, Lock
from migrator.engine.record import ClusterRecord, Record, plan_id
from migrator.engine.run import Run
from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.news import News, Question
from migrator.model.snapshot import Snapshot
from migrator.planner import Plan, PlanOptions, make_plan
from migrator.rules import all_rules, analyze
from tests.property.meshes import resource, resources, service, workload

_MADE = frozenset({"Pod", "ReplicaSet", "Lease"})
_SERVER_SIDE = frozenset({"uid", "resourceVersion", "generation", "creationTimestamp"})
_COUNTERS = re.compile(r"deployment\.kubernetes\.io/revision|template\.generation")


class Yes:
    """A person who agrees to everything."""

    def tell(self, news: News) -> None:
        pass

    def ask(self, question: Question) -> bool:
        return True


class Walk:
    """One plan on one cluster; each `job` is a new process, of which only the journal is left."""

    def __init__(self, found: list[Any]) -> None:
        snapshot = Snapshot(found)
        mesh = Mesh(snapshot)
        self.plan = _agreed(make_plan(mesh, analyze(mesh, all_rules()), PlanOptions()))
        self.cluster = FakeCluster.of(snapshot, FakeClock())
        self.journal = MemoryJournal()
        self.start = self.image()

    def job(self) -> Job:
        root = self.plan.header.root_namespace
        record = ClusterRecord(self.cluster, root, plan_id(self.plan))
        clock = self.cluster.clock
        run = Run(
            plan=self.plan,
            cluster=self.cluster,
            clock=clock,
            record=Record(self.journal, record),
            watcher=Persons(Yes(), self.cluster, self.plan),
            lock=Lock(self.cluster, clock, root, Holder("me", lambda _: True)),
            name="me",
        )
        return Job(run, record, tuple)

    def apply(self) -> None:
        engine.apply(self.job(), Reach(), "stop")

    def rollback(self) -> None:
        engine.rollback(self.job(), "")
        self.cluster.clock.settle(60)

    def image(self) -> dict[str, str]:
        """What a person wrote of every object, but times of restarts."""
        return dict(_written(body) for body in self.cluster.everything() if _counts(body))

    def own_writes(self) -> int:
        return sum(write.ref.kind != "Lease" for write in self.cluster.writes)


def _agreed(plan: Plan) -> Plan:
    """What a reviewer must say yes to is said; what is blocked stays behind."""
    said = tuple(one.model_copy(update={"acknowledged": True}) for one in plan.acknowledgements)
    return plan.model_copy(update={"acknowledgements": said})


def _counts(body: Any) -> bool:
    return body["kind"] not in _MADE and not body["metadata"]["name"].startswith("migrate-")


def _written(body: Any) -> tuple[str, str]:
    metadata = {k: v for k, v in body["metadata"].items() if k not in _SERVER_SIDE}
    owners = metadata.pop("ownerReferences", [])
    annotations = metadata.pop("annotations", {})
    metadata["annotations"] = {k: v for k, v in annotations.items() if not _COUNTERS.search(k)}
    metadata["owners"] = [owner["name"] for owner in owners]
    rest = {k: v for k, v in body.items() if k not in {"metadata", "status"}}
    text = json.dumps({**rest, "metadata": metadata}, sort_keys=True)
    name = f"{body['kind']}/{metadata.get('namespace', '')}/{metadata['name']}"
    return name, re.sub(r'(restartedAt": )"[^"]*"', r"\1", text)


TOKENS = {"selector": {"matchLabels": {"app": "a"}}, "jwtRules": [{"issuer": "i"}]}
GUARDED_JOB = [
    resource(kinds.NAMESPACE, "", "one", metadata={"labels": {"istio-injection": "enabled"}}),
    workload(kinds.DEPLOYMENT, "one", "b", {}),
    service("one", "b"),
    workload(kinds.JOB, "one", "a", {}),
    service("one", "a"),
    resource(kinds.REQUEST_AUTHENTICATION, "one", "jwt", spec=TOKENS),
]


@settings(max_examples=20, deadline=None)
@given(resources())
@example(GUARDED_JOB)  # its guard is made and rewritten in the same wave
def test_a_plan_walks_to_its_end_and_back(found):
    walk = Walk(found)

    walk.apply()
    done = walk.own_writes()
    walk.apply()
    assert walk.own_writes() == done

    walk.rollback()
    assert walk.image() == walk.start


@settings(max_examples=20, deadline=None)
@given(resources(), st.integers(1, 200), st.booleans(), st.booleans(), st.booleans())
def test_a_run_that_is_killed_anywhere_goes_on_or_back(found, at, after, onward, from_elsewhere):
    whole = Walk(found)
    whole.apply()
    walk = Walk(found)
    walk.cluster.faults.kill(1 + at % len(whole.cluster.writes), after=after)
    try:
        walk.apply()
    except KilledError:
        walk.cluster.faults.revive()
    if from_elsewhere:
        walk.journal = MemoryJournal()

    if onward:
        walk.apply()
        assert walk.image() == whole.image()
    else:
        walk.rollback()
        assert walk.image() == walk.start
