"""A plan on the in-memory cluster, run by the engine: every `job` is a new process."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from migrator.adapters.fake import FakeClock, FakeCluster, KilledError, MemoryJournal, Persons
from migrator.adapters.files import read_sources
from migrator.engine import apply as engine
from migrator.engine.apply import Job, OnFailure
from migrator.engine.forward import Reach
from migrator.engine.lock import Holder, Lock
from migrator.engine.record import ClusterRecord, Record, plan_id
from migrator.engine.run import Run
from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.news import News, Question, Topic
from migrator.model.snapshot import Snapshot
from migrator.planner import Plan, PlanOptions, make_plan
from migrator.rules import all_rules, analyze

_MADE = frozenset({"Pod", "ReplicaSet", "Lease"})
_SERVER_SIDE = frozenset({"uid", "resourceVersion", "generation", "creationTimestamp"})
_COUNTERS = frozenset(
    {"deployment.kubernetes.io/revision", "deprecated.daemonset.template.generation"}
)
RESTARTED = "kubectl.kubernetes.io/restartedAt"


class Watcher:
    """Says yes to everything but what `refuse` names, and remembers what it was told and asked."""

    def __init__(self, *refuse: str) -> None:
        self.refuse = set(refuse)
        self.news: list[News] = []
        self.questions: list[Question] = []

    def tell(self, news: News) -> None:
        self.news.append(news)

    def ask(self, question: Question) -> bool:
        self.questions.append(question)
        return question.subject not in self.refuse and question.kind not in self.refuse

    def said(self, topic: Topic) -> list[str]:
        return [f"{news.subject}: {news.says}" for news in self.news if news.topic is topic]


class World:
    """One plan on one cluster that began as `snapshot`; the journal outlives every process."""

    def __init__(self, plan: Plan, snapshot: Snapshot) -> None:
        self.plan = plan
        self.clock = FakeClock()
        self.cluster = FakeCluster.of(snapshot, self.clock)
        self.journal = MemoryJournal()
        self.watcher = Watcher()
        self.who = "me@here/1"
        self.gone: Callable[[str], bool] = lambda _: True
        self.start = self.image()

    def job(self) -> Job:
        root = self.plan.header.root_namespace
        record = ClusterRecord(self.cluster, root, plan_id(self.plan))
        run = Run(
            plan=self.plan,
            cluster=self.cluster,
            clock=self.clock,
            record=Record(self.journal, record),
            watcher=Persons(self.watcher, self.cluster, self.plan),
            lock=Lock(self.cluster, self.clock, root, Holder(self.who, self.gone)),
            name=self.who,
        )
        return Job(run, record, lambda: ())  # whether a plan is stale has tests of its own

    def apply(self, reach: Reach = Reach(), on_failure: OnFailure = "stop") -> None:  # noqa: B008
        engine.apply(self.job(), reach, on_failure)

    def rollback(self, to: str = "") -> None:
        engine.rollback(self.job(), to)
        self.clock.settle(60)

    def killed(self, command: Callable[[], None], at: int, *, after: bool) -> bool:
        """Whether `command` was killed at its write `at`, but for the Lease; the process is gone then."""
        self.cluster.faults.kill(at, after=after, match=lambda write: write.ref.kind != "Lease")
        try:
            command()
        except KilledError:
            return True
        finally:
            self.cluster.faults.revive()
        return False

    @property
    def writes(self) -> int:
        """Of the whole world, but for the Lease."""
        return sum(write.ref.kind != "Lease" for write in self.cluster.writes)

    def image(self, *, times: bool = True) -> dict[str, str]:
        """Every label, annotation and spec of what a person or a step wrote."""
        found = (body for body in self.cluster.everything() if _counts(body))
        return dict(_written(body, times=times) for body in found)

    def restarts(self) -> dict[str, int]:
        """How many ReplicaSets each Deployment ever had: one, and one more for each rolling restart."""
        found: dict[str, int] = {}
        for body in self.cluster.list(kinds.REPLICA_SET):
            owner = body["metadata"]["ownerReferences"][0]["name"]
            found[owner] = found.get(owner, 0) + 1
        return found


def accepted(source: Path) -> tuple[Plan, Snapshot]:
    """The plan of these manifests, without soak time, with all acknowledged; and what it was made from."""
    snapshot = read_sources([str(source)]).snapshot
    mesh = Mesh(snapshot)
    plan = make_plan(mesh, analyze(mesh, all_rules()), PlanOptions(soak_minutes=0))
    said = tuple(a.model_copy(update={"acknowledged": True}) for a in plan.acknowledgements)
    return plan.model_copy(update={"acknowledgements": said}), snapshot


def names(plan: Plan) -> Iterable[str]:
    return (wave.name for phase in plan.phases for wave in phase.waves)


def _counts(body: Any) -> bool:
    return body["kind"] not in _MADE and not body["metadata"]["name"].startswith("migrate-")


def _written(body: Any, *, times: bool) -> tuple[str, str]:
    metadata = {k: v for k, v in body["metadata"].items() if k not in _SERVER_SIDE}
    annotations = metadata.pop("annotations", {})
    metadata["annotations"] = {k: v for k, v in annotations.items() if k not in _COUNTERS}
    metadata["owners"] = [owner["name"] for owner in metadata.pop("ownerReferences", [])]
    rest = {k: v for k, v in body.items() if k not in {"metadata", "status"}}
    whole = {**rest, "metadata": metadata}
    text = json.dumps(whole if times else _timeless(whole), sort_keys=True)
    return f"{body['kind']}/{metadata.get('namespace', '')}/{metadata['name']}", text


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: "" if k == RESTARTED else _timeless(v) for k, v in value.items()}
    return [_timeless(one) for one in value] if isinstance(value, list) else value
