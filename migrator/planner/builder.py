"""Put the plan together: layout, hand-over, order, phases."""

from collections.abc import Iterator

from migrator import __version__
from migrator.istio.mesh import Mesh
from migrator.model.finding import Finding
from migrator.planner.decisions.layout import Layout, lay_out
from migrator.planner.ordering.accepting import acknowledgements
from migrator.planner.ordering.arranging import Arranger
from migrator.planner.ordering.order import Order, put_in_order
from migrator.planner.ordering.peers import with_ways_out
from migrator.planner.outlook.exposure import with_exposure
from migrator.planner.phases.handover import HandOver, hand_over
from migrator.planner.phases.in_order import phases_of
from migrator.planner.phases.routes import stay
from migrator.steps import Target

from .options import PlanOptions
from .plan import Header, KnownCallers, NamespaceScope, Plan, WaypointScope


def make_plan(
    mesh: Mesh,
    findings: tuple[Finding, ...],
    options: PlanOptions,
    suppressed: tuple[tuple[Finding, str], ...] = (),
) -> Plan:
    """The plan for `mesh`. `findings` are those of all rules without the `suppressed` ones, which come with
    their reasons and stand in the plan as accepted: a reviewer sees what an object's owner judged.

    With a blocker of the whole mesh there are no phases: nothing may be started.
    """
    layout = lay_out(mesh, findings, options, suppressed)
    handover = hand_over(layout)
    order = put_in_order(layout)
    plan = put_together(layout, handover, order)
    if plan.phases and order.knots:
        order = put_in_order(layout, Arranger(layout, plan, order.known_callers))
        plan = put_together(layout, handover, order)
    plan = with_ways_out(layout, plan)
    return _accepted(with_exposure(mesh, plan), options)


def put_together(layout: Layout, handover: HandOver, order: Order) -> Plan:
    """The plan of these decisions, without what it opens and closes."""
    mesh, options = layout.mesh, layout.options
    blocked = any(not b.acknowledged for b in layout.blockers)
    return Plan(
        tool=f"migrate {__version__}",
        header=_header(mesh, options),
        assumptions=_assumptions(layout, order),
        scope=tuple(_scope(layout, namespace) for namespace in layout.namespaces),
        waypoints=tuple(_waypoint(layout, namespace) for namespace in layout.waypoint_namespaces),
        blockers=layout.blockers,
        acknowledgements=()
        if blocked
        else (*acknowledgements(layout, order), *layout.acknowledgements),
        exclusions=layout.exclusions,
        callers=tuple(_known(order)),
        phases=() if blocked else phases_of(layout, handover, order),
    )


def _known(order: Order) -> Iterator[KnownCallers]:
    for ref, found in sorted(order.callers.items()):
        if found.workloads is not None:
            callers = tuple(Target.of(one) for one in sorted(found.workloads))
            yield KnownCallers(target=Target.of(ref), callers=callers, how=found.how)


def _accepted(plan: Plan, options: PlanOptions) -> Plan:
    """With what a person has accepted of the plan itself; of findings that is said already."""
    wanted = {(a.code, a.object) for a in options.acknowledge if a.code.startswith("PLAN")}
    found = tuple(
        a.model_copy(update={"acknowledged": True})
        if wanted & {(a.code, ""), (a.code, str(a.target))}
        else a
        for a in plan.acknowledgements
    )
    return plan.model_copy(update={"acknowledgements": found})


def _header(mesh: Mesh, options: PlanOptions) -> Header:
    calls = options.calls
    return Header(
        snapshot=mesh.snapshot.digest(),
        istio=str(mesh.istio_version),
        istio_assumed=mesh.version_is_assumed,
        root_namespace=mesh.config.root_namespace,
        trust_domain=mesh.config.trust_domain,
        calls="none" if calls is None else "complete" if calls.complete else "partial",
        cluster=options.cluster,
    )


def _scope(layout: Layout, namespace: str) -> NamespaceScope:
    by_workload = layout.by_workload(namespace)
    guarded = [w for w in layout.moving_in(namespace) if w.ref in layout.guarded]
    if not by_workload:
        why = (
            "Nothing in it is protected at HTTP level: its label flips, then its workloads restart."
        )
    elif guarded:
        names = ", ".join(w.name for w in guarded)
        why = f"Protected at HTTP level: {names}. Their callers move before them."
    else:
        why = "Somebody stays behind with a sidecar, so the namespace's own label does not change."
    return NamespaceScope(
        namespace=namespace,
        mode="workload" if by_workload else "namespace",
        why=why,
        workloads=tuple(f"{w.ref.kind}/{w.name}" for w in layout.moving_in(namespace)),
    )


def _waypoint(layout: Layout, namespace: str) -> WaypointScope:
    return WaypointScope(
        namespace=namespace,
        name="waypoint",
        services={ref.name: layout.bound[ref] for ref in layout.bound_in(namespace)},
    )


def _assumptions(layout: Layout, order: Order) -> tuple[str, ...]:
    mesh = layout.mesh
    said = []
    if mesh.version_is_assumed:
        said.append(f"Istio {mesh.istio_version} is assumed: no istiod is in the source.")
    if any(not mesh.state(w).seen for w in layout.moving):
        said.append(
            "Who has a sidecar is predicted from labels and templates: the source holds no running pods "
            "for some workloads."
        )
    unknown = sorted(str(ref) for ref, found in order.callers.items() if found.workloads is None)
    if unknown:
        said.append(
            f"The callers of {', '.join(unknown)} are unknown, so every workload with a sidecar counts "
            "as one (declare them with --calls)."
        )
    said += _about_calls(layout)
    said += stay(layout)
    if layout.bound:
        said.append(
            "A waypoint runs under a service account of its own name, as istiod creates it; "
            "direct callers of guarded pods that no waypoint serves (a Prometheus that scrapes pods, "
            "for one) are refused unless the guard names them."
        )
        said.append(
            "Labels that the plan writes on pod templates stay there: taking them away would restart "
            "the pods again. Remove them with a later deployment."
        )
    return tuple(said)


def _about_calls(layout: Layout) -> Iterator[str]:
    graph = layout.options.calls
    if graph is None:
        return
    if graph.complete:
        yield "The declared call graph is taken to name every call."
    measured = graph.measured
    if measured is None:
        return
    weight = (
        "a person says that there are no others"
        if graph.complete
        else "they add callers, and show of no call that it does not exist"
    )
    yield (
        f"Calls were measured over {measured.window} until {measured.until} at {measured.at}: {weight}."
    )
    yield from (f"The measurement: {gap}." for gap in measured.gaps)
    if measured.outside:
        yield (
            f"Callers from outside the mesh were measured at {', '.join(map(str, measured.outside))}."
        )
    if measured.unplaced:
        yield (
            "Names in the measured calls that are not in the source, so that nothing is planned for "
            f"them: {', '.join(measured.unplaced)}."
        )
