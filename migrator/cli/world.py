"""The cluster that a command meets, live or in memory, and all that the engine needs to work on it."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .measuring import probe_at
from .plan_files import load_snapshot
from .same_cluster import refuse_other_cluster

if TYPE_CHECKING:
    from collections.abc import Callable

    from migrator.adapters.kube.client import Api
    from migrator.engine.apply import Job
    from migrator.engine.record import Journal
    from migrator.model.journal import Progress
    from migrator.planner.file.staleness import Change
    from migrator.planner.plan import Plan
    from migrator.ports import Clock, Cluster, Probe, Watcher


class Target(NamedTuple):
    """Which cluster: a live one, or the simulation."""

    kubeconfig: str = ""
    context: str = ""
    simulate: bool = False
    prometheus: str = ""


class World(NamedTuple):
    """The cluster of a command, its clock, and how its present state is read whole."""

    cluster: "Cluster"
    clock: "Clock"
    journal: "Journal"
    read: "SnapshotReader"
    probe: "Probe | None" = None
    persons: "Callable[[Watcher, Plan], Watcher] | None" = None  # who act in a simulation
    api: "Api | None" = None  # of a live one


class SnapshotReader:
    """Reads, when asked, the objects on which the plan's staleness is judged."""

    def __init__(self, api: "Api | None", plan: Path) -> None:
        self._api = api
        self._plan = plan

    def changes(self, plan: "Plan", progress: "Progress") -> "tuple[Change, ...]":
        """Nothing for a simulation, which begins as the plan's own snapshot."""
        from migrator.adapters.kube.reading import read_kinds
        from migrator.planner.file.staleness import KINDS, changes

        if self._api is None:
            return ()
        then = load_snapshot(self._plan)
        scope = {s.namespace for s in plan.scope}
        now = read_kinds(self._api, KINDS, {*scope, plan.header.root_namespace})
        return changes(plan, then, now, progress)


def world(path: Path, target: Target) -> World:
    """The cluster that `target` names, with the record's place beside the plan."""
    from migrator.adapters.clock import SystemClock
    from migrator.adapters.journal_file import JournalFile, beside

    if target.simulate:
        from migrator.adapters.fake import FakeClock, FakeCluster, MemoryJournal, Persons

        clock = FakeClock()
        cluster = FakeCluster.of(load_snapshot(path), clock)
        return World(
            cluster, clock, MemoryJournal(), SnapshotReader(None, path),
            persons=lambda watcher, plan: Persons(watcher, cluster, plan),
        )  # fmt: skip
    from migrator.adapters.kube.client import connect
    from migrator.adapters.kube.writer import LiveCluster

    api = connect(target.kubeconfig, target.context)
    return World(
        LiveCluster(api), SystemClock(), JournalFile(beside(path)), SnapshotReader(api, path),
        probe_at(target.prometheus, path), api=api,
    )  # fmt: skip


def job_of(plan: "Plan", found: World, watcher: "Watcher") -> "Job":
    """Everything that the engine needs for one command."""
    from migrator.adapters import holder as identity
    from migrator.engine.apply import Job
    from migrator.engine.lock import Holder, Lock
    from migrator.engine.patience import Patient
    from migrator.engine.record import ClusterRecord, Record, plan_id
    from migrator.engine.run import Run

    if found.api:
        refuse_other_cluster(found.api, plan)
    root = plan.header.root_namespace
    watcher = found.persons(watcher, plan) if found.persons else watcher
    cluster = Patient(found.cluster, found.clock, watcher)
    in_cluster = ClusterRecord(cluster, root, plan_id(plan))
    holder = Holder(identity.name(), identity.is_gone)
    run = Run(
        plan=plan,
        cluster=cluster,
        clock=found.clock,
        record=Record(found.journal, in_cluster),
        watcher=watcher,
        lock=Lock(cluster, found.clock, root, holder),
        name=holder.name,
        probe=found.probe,
        away=lambda: cluster.away,
    )
    return Job(run, in_cluster, lambda: found.read.changes(plan, run.progress))
