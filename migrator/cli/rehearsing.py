"""What `migrate rehearse` begins and ends with: the plan and its mesh, and the report."""

import signal
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from migrator.errors import BlockedPlanError, MigrateError

from . import calling, common, live
from .plan_files import load_plan, load_snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.istio.mesh import Mesh
    from migrator.planner.plan import Plan
    from migrator.rehearsal.result import Rehearsal
    from migrator.rehearsal.whole import Subject

_PLAN = "schema: migrate/plan/"
_HEAD = 2000  # characters of a plan file in which it says what it is


class Where(NamedTuple):
    """From which cluster, and with which call graph, where there is no plan yet."""

    context: str
    kubeconfig: str
    calls: Path | None
    istio_version: str


class InterruptedRehearsalError(MigrateError):
    """Ctrl-C, or SIGTERM; what was made is deleted by then."""

    exit_code = 5

    def __init__(self) -> None:
        super().__init__("Stopped, as asked", detail="The throw-away cluster is deleted.")


@contextmanager
def interruptible() -> "Iterator[None]":
    """The first Ctrl-C or SIGTERM stops at once; while everything is deleted there is no second one."""

    def stop(*_: object) -> None:
        for one in before:
            signal.signal(one, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {one: signal.signal(one, stop) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except KeyboardInterrupt:
        raise InterruptedRehearsalError from None
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def subject(sources: list[str] | None, where: Where) -> "Subject":
    """The plan and its snapshot; or a plan of the source, as `migrate plan` makes it."""
    from migrator.istio.mesh import Mesh
    from migrator.rehearsal.whole import Subject

    if sources and len(sources) == 1 and _is_plan(Path(sources[0])):
        path = Path(sources[0])
        return Subject(Mesh(load_snapshot(path)), load_plan(path))
    reading = common.read(sources, live.Live(where.context, where.kubeconfig))
    mesh = common.mesh_of(reading, where.istio_version)
    return Subject(mesh, _planned(mesh, where.calls))


def _is_plan(path: Path) -> bool:
    return path.is_file() and path.suffix in {".yaml", ".yml"} and _PLAN in _head(path)


def _head(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.read(_HEAD)


def _planned(mesh: "Mesh", calls: Path | None) -> "Plan":
    from migrator.planner import PlanOptions, make_plan
    from migrator.rules import all_rules
    from migrator.rules.suppression import without_suppressed

    from .selection import ask

    wish = calling.Wish(calls, "", "7d", None, None, False)
    options = PlanOptions(soak_minutes=0, calls=calling.call_graph(mesh, wish))
    found, suppressed = without_suppressed(mesh.snapshot, ask(mesh, all_rules()))
    made = make_plan(mesh, found, options, suppressed)
    if made.blockers:
        raise BlockedPlanError(
            f"There is no plan to rehearse: {len(made.blockers)} findings block the whole mesh",
            detail="\n".join(f"{b.code} {b.rule} on {b.target}: {b.says}" for b in made.blockers),
            hint="migrate check SOURCE",
        )
    return made


def show(report: "Rehearsal", form: str) -> None:
    """The report, to stdout."""
    import sys

    from migrator.report import rehearsal_junit, rehearsal_markdown, rehearsal_text
    from migrator.report.text import width

    match form:
        case "json":
            common.print_model(report, "json")
        case "markdown":
            sys.stdout.write(rehearsal_markdown.render(report))
        case "junit":
            sys.stdout.write(rehearsal_junit.render(report))
        case _:
            common.print_lines(rehearsal_text.lines(report, width()))
