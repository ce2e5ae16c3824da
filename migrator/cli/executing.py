"""What the commands that execute a plan share: the plan file, the cluster (or its simulation), the record."""

import os
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from migrator.errors import MigrateError

from .watching import TextWatcher

if TYPE_CHECKING:
    from migrator.adapters.kube.client import Api
    from migrator.engine.apply import Job
    from migrator.engine.record import Journal
    from migrator.model.journal import Progress
    from migrator.model.snapshot import Snapshot
    from migrator.planner.plan import Plan
    from migrator.planner.staleness import Change
    from migrator.ports import Clock, Cluster, Probe

PlanFile = Annotated[Path, typer.Argument(metavar="PLAN", show_default=False, help="A plan file.")]
Simulate = Annotated[
    bool,
    typer.Option(
        "--simulate",
        help="On an in-memory cluster made from the plan's own snapshot; touches nothing.",
    ),
]
Yes = Annotated[
    bool, typer.Option("--yes", "-y", help="Ask nothing; wait for what only a person can do.")
]
Kubeconfig = Annotated[
    str, typer.Option(metavar="FILE", show_default=False, help="As kubectl's option.")
]
Context = Annotated[
    str, typer.Option(metavar="NAME", show_default=False, help="The context of the kubeconfig.")
]
PrometheusUrl = Annotated[
    str,
    typer.Option(
        metavar="URL",
        show_default=False,
        help="Where gates measure error rates; else they are not measured.",
    ),
]


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


class SnapshotReader:
    """Reads the whole cluster when asked: the plan's staleness is judged on it."""

    def __init__(self, api: "Api | None", plan: Path) -> None:
        self._api = api
        self._plan = plan

    def changes(self, plan: "Plan", progress: "Progress") -> "tuple[Change, ...]":
        """Nothing for a simulation, which begins as the plan's own snapshot."""
        from migrator.adapters.kube.reading import read_cluster
        from migrator.planner.staleness import changes

        if self._api is None:
            return ()
        then = load_snapshot(self._plan)
        scope = sorted({s.namespace for s in plan.scope})
        now = read_cluster(self._api, namespaces=scope).snapshot
        return changes(plan, then, now, progress)


def load_plan(path: Path) -> "Plan":
    """The plan of the file. Raises MigrateError that says what is wrong with it."""
    from migrator.planner import planfile

    try:
        return planfile.load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MigrateError(f"cannot read the plan: {error.strerror}", detail=str(path)) from error
    except ValueError as error:
        raise MigrateError(
            "this is no plan file", detail=f"{path}: {error}", hint=f"migrate plan SOURCE -o {path}"
        ) from error


def load_snapshot(path: Path) -> "Snapshot":
    """The snapshot that `migrate plan` wrote beside the plan. Raises MigrateError without it."""
    from migrator.adapters.files import read_sources

    file = path.with_suffix(".snapshot")
    if not file.is_file():
        raise MigrateError(
            "The plan's snapshot is missing",
            detail=f"{file} stands beside the plan when `migrate plan` writes it. Without it nobody can "
            "see whether the mesh is still what the plan was made from.",
            hint=f"migrate plan -o {path}",
        )
    return read_sources([str(file)]).snapshot


def world(path: Path, target: Target) -> World:
    """The cluster that `target` names, with the record's place beside the plan."""
    from migrator.adapters.clock import SystemClock
    from migrator.adapters.journal_file import JournalFile, beside

    if target.simulate:
        from migrator.adapters.fake import FakeClock, FakeCluster, MemoryJournal

        clock = FakeClock()
        cluster = FakeCluster.of(load_snapshot(path), clock)
        return World(cluster, clock, MemoryJournal(), SnapshotReader(None, path))
    from migrator.adapters.kube.client import connect
    from migrator.adapters.kube.writer import LiveCluster

    api = connect(target.kubeconfig, target.context)
    return World(
        LiveCluster(api), SystemClock(), JournalFile(beside(path)), SnapshotReader(api, path),
        probe_at(target.prometheus, path),
    )  # fmt: skip


def probe_at(url: str, plan: Path) -> "Probe | None":
    """What measures error rates; a token is taken from the environment, as by `migrate plan`."""
    if not url:
        return None
    from migrator.adapters.prometheus import ErrorRates, Prometheus
    from migrator.adapters.prometheus.address import TOKEN, parse_address
    from migrator.istio import kinds
    from migrator.model.resource import Ref

    try:
        address = parse_address(url, os.environ.get(TOKEN, ""))
    except ValueError as error:
        raise typer.BadParameter(f"--prometheus: {error}") from error
    waypoints = [Ref(*kinds.GATEWAY, w.namespace, w.name) for w in load_plan(plan).waypoints]
    return ErrorRates(Prometheus(address), waypoints)


def job_of(plan: "Plan", found: World, watcher: TextWatcher) -> "Job":
    """Everything that the engine needs for one command."""
    from migrator.engine.apply import Job
    from migrator.engine.lock import Holder, Lock
    from migrator.engine.record import ClusterRecord, Record, plan_id
    from migrator.engine.run import Run

    root = plan.header.root_namespace
    in_cluster = ClusterRecord(found.cluster, root, plan_id(plan))
    holder = Holder(_holder(), _is_gone)
    run = Run(
        plan=plan,
        cluster=found.cluster,
        clock=found.clock,
        record=Record(found.journal, in_cluster),
        watcher=watcher,
        lock=Lock(found.cluster, found.clock, root, holder),
        name=holder.name,
        probe=found.probe,
    )
    return Job(run, in_cluster, lambda: found.read.changes(plan, run.progress))


def check_terminal(*, yes: bool) -> None:
    """Raises a usage error when questions could not be answered."""
    import sys

    if not yes and not sys.stdin.isatty():
        message = "there is no terminal to ask on; --yes does what the plan says without asking"
        raise typer.BadParameter(message)


@contextmanager
def stoppable(watcher: TextWatcher, again: str) -> Iterator[None]:
    """Ctrl-C, once, ends the run at the next safe point; twice, at once. Both can go on later."""

    def ask_to_stop(_signal: int, _frame: object) -> None:
        if watcher.stop_asked:
            raise KeyboardInterrupt
        watcher.stop_asked = True

    before = signal.signal(signal.SIGINT, ask_to_stop)
    try:
        yield
    except KeyboardInterrupt:
        raise InterruptedRunError(again) from None
    finally:
        signal.signal(signal.SIGINT, before)
        watcher.close()


class InterruptedRunError(MigrateError):
    """Ctrl-C; what was begun is recorded."""

    exit_code = 5

    def __init__(self, again: str) -> None:
        super().__init__(
            "Stopped, as asked", detail="What was begun is recorded; nothing is lost.", hint=again
        )


def names_of(plan: "Plan") -> Sequence[str]:
    return [wave.name for phase in plan.phases for wave in phase.waves]


def _holder() -> str:
    user = os.environ.get("USER") or str(os.getuid())
    return f"{user}@{socket.gethostname()}/{os.getpid()}"


def _is_gone(holder: str) -> bool:
    """Whether the holder was a process of this machine that has ended."""
    where, _, pid = holder.rpartition("/")
    if where.rpartition("@")[2] != socket.gethostname() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
