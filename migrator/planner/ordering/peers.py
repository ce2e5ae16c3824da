"""Who stays behind because replicas, or callers of a headless Service, lose each other while they move.

Whoever accepts that, and moves them, takes one of the ways out. What each exposes is computed from a plan for
their namespace in which they move.
"""

from functools import cached_property

from migrator.istio.workloads import Workload
from migrator.model.resource import Ref
from migrator.planner.decisions.callers import possible_callers
from migrator.planner.decisions.layout import WITHOUT_ORDER, Layout, lay_out
from migrator.planner.options import Acknowledge
from migrator.planner.outlook.likeness import Likeness, renaming
from migrator.planner.outlook.localities import Localities
from migrator.planner.phases.handover import hand_over, pod_selector
from migrator.planner.phases.in_order import phases_of
from migrator.planner.phases.moves import move_steps
from migrator.planner.plan import Exclusion, PhaseName, Plan

from .arranging import joined
from .detours import Passage
from .order import put_in_order
from .ways_out import Effort, over_time, ways_out

_NOT_COMPUTED = (
    "Three ways: a window, in which all of its pods stop before any starts anew; PERMISSIVE for its pods "
    "while they move; guards at L4. What they expose was not computed: there is too much of it."
)


def with_ways_out(layout: Layout, plan: Plan) -> Plan:
    """The plan, whose exclusions say what each way out exposes."""
    told = _Told(layout, plan)
    found = tuple(
        one.model_copy(update={"fix": f"{one.fix} {told.of(one)}"})
        if one.rules and WITHOUT_ORDER & {*one.rules}
        else one
        for one in plan.exclusions
    )
    return plan.model_copy(update={"exclusions": found})


class _Told:
    """What is said of each, once for those that are alike."""

    def __init__(self, layout: Layout, plan: Plan) -> None:
        self._layout = layout
        self._plan = plan
        self._known: dict[object, tuple[str, str]] = {}
        self._effort = Effort()

    def of(self, exclusion: Exclusion) -> str:
        ref = exclusion.target.ref
        workload = self._layout.mesh.workload(ref)
        if workload is None:
            raise LookupError(ref)
        like = self._like(ref)
        if like not in self._known:
            self._known[like] = (ref.namespace, self._compute(workload))
        namespace, says = self._known[like]
        return renaming(namespace, ref.namespace)(says)

    @cached_property
    def _localities(self) -> Localities:
        return Localities(self._layout.mesh, self._plan)

    @cached_property
    def _likeness(self) -> Likeness:
        return Likeness(self._layout.mesh, self._localities)

    def _like(self, ref: Ref) -> object:
        callers = self._callers(ref)
        rename = renaming(ref.namespace, "")
        known = None if callers is None else tuple(sorted(rename(str(one)) for one in callers))
        key = self._likeness.key(self._localities.of(ref.namespace))
        return (key, ref.kind, rename(ref.name), known)

    def _callers(self, ref: Ref) -> frozenset[Ref] | None:
        workload = self._layout.mesh.workload(ref)
        if workload is None:
            return None
        graph = self._layout.options.calls
        return possible_callers(self._layout.mesh, workload, graph).workloads

    def _compute(self, workload: Workload) -> str:
        callers = self._callers(workload.ref)
        homes = {workload.namespace, *(ref.namespace for ref in callers or ())}
        place = joined([self._localities.of(name) for name in homes])
        mesh = place.mesh()
        accepted = tuple(Acknowledge(code=code) for code in WITHOUT_ORDER)
        options = self._layout.options.model_copy(
            update={"namespaces": tuple(sorted(homes)), "acknowledge": accepted}
        )
        passage = _passage(lay_out(mesh, self._layout.findings, options), workload)
        if callers is not None:
            passage = passage._replace(calls={workload.ref: callers})
        if not self._effort.spend(passage):
            return _NOT_COMPUTED
        meanwhile, for_good = over_time(self._plan, passage)
        return (
            f"Moved as it is, it meanwhile {meanwhile}; for good it {for_good}. "
            f"{ways_out(self._plan, passage)}"
        )


def _passage(layout: Layout, workload: Workload) -> Passage:
    """The steps of a plan in which it moves, with neither waypoint nor guard where none can be made."""
    phases = phases_of(layout, hand_over(layout), put_in_order(layout))
    switched = [p for p in phases if p.name is not PhaseName.CONTRACT]
    steps = [step for phase in switched for wave in phase.waves for step in wave.steps]
    if workload.ref not in layout.moving_refs:
        steps += move_steps(layout, workload, by_label=True)
    selectors = {workload.ref: pod_selector(layout, workload)}
    return Passage(layout.mesh, tuple(steps), (workload,), selectors, {})
