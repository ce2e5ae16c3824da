"""What a plan opens and closes against the start, for whom, and between which of its moments.

Each namespace is followed through the steps that it can notice. A call's fate follows from its target's
ways, which change with those steps, and from how its caller sends, which may change with any step.
"""

from collections.abc import Iterator
from typing import NamedTuple

from migrator.exposure.callers import OUTSIDE
from migrator.exposure.change import Change
from migrator.exposure.compare import known_callers
from migrator.exposure.crowd import Crowd
from migrator.exposure.ways import Kind
from migrator.istio.mesh import Mesh
from migrator.planner.plan import Plan

from .course import Calls, Course
from .history import History
from .repeating import Asking


class Exposed(NamedTuple):
    """One change of a call's fate: from the moment `since` to before the moment `until`."""

    kind: Kind
    change: Change
    since: int
    until: int

    @property
    def what(self) -> tuple[Kind, Change]:
        """What tells it from others, whenever it is, and whichever request and words stand for it."""
        return self.kind, self.change._replace(alike=False, request="", why="")


def exposed(mesh: Mesh, plan: Plan, calls: Calls | None = None) -> tuple[Exposed, ...]:
    """All that differs from the start at any moment. `calls`: who calls a workload, where that is known."""
    return on_course(Course(mesh, plan, calls))


def on_course(course: Course) -> tuple[Exposed, ...]:
    """All that differs from the start at any moment."""
    crowd, known = course.crowd, course.calls
    asking = Asking(crowd, known, {})
    return tuple(
        change
        for place in course.repeats
        for change in course.repeats.of(place, asking, lambda h: tuple(_of(h, crowd, known)))
    )


def _of(history: History, crowd: Crowd, calls: Calls) -> Iterator[Exposed]:
    for run in history.runs:
        refs = known_callers(run.ways.pair, calls)
        among = None if refs is None else crowd.during(run.since, run.until, refs)
        for found in run.ways.differences(crowd.during(run.since, run.until), among):
            source = found.source
            since, until = run.since, run.until
            if source is not None and source is not OUTSIDE.source and source.since is not None:
                since, until = source.since, source.until or run.until
            yield Exposed(found.kind, found.change, since, until)
