"""Phase 2: bind, then wave by wave: guard, hand over, enrol, restart."""

from collections import Counter
from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.workloads import Workload
from migrator.model.resource import Ref
from migrator.planner.decisions.grouping import grouped
from migrator.planner.decisions.layout import Layout
from migrator.planner.ordering.accepting import accepted_in
from migrator.planner.ordering.order import Order
from migrator.planner.ordering.units import Unit
from migrator.planner.plan import Exposure, Gate, Phase, PhaseName, Wave
from migrator.steps import AnyStep, CreateObject, Disruption, SetLabels, Target, UpdateSpec
from migrator.translate import waypoint

from . import checks
from .expand import object_ref, waypoint_step
from .flip import flip_steps
from .guards import guard_for_all_pods, is_born_without_label
from .handover import HandOver, rule_about
from .moves import move_steps
from .prepare import step_name


def switch(layout: Layout, handover: HandOver, order: Order) -> Phase:
    """Bind every Service, then one wave for each unit of the order."""
    copies = grouped(handover.copies, lambda copy: str(copy.manifest["metadata"]["namespace"]))
    waves = [
        _bind(layout, namespace, tuple(object_ref(c.manifest) for c in copies.get(namespace, ())))
        for namespace in layout.waypoint_namespaces
    ]
    narrowed: set[Ref] = set()
    left = Counter(unit.namespace for unit in order.units)
    seen: dict[str, int] = {}
    for unit in order.units:
        seen[unit.namespace] = seen.get(unit.namespace, 0) + 1
        last = seen[unit.namespace] == left[unit.namespace]
        several = left[unit.namespace] > 1
        name = f"switch-{unit.namespace}" + (f"-{seen[unit.namespace]}" if several else "")
        steps = (
            tuple(_flip_unit(layout, unit))
            if unit.flip
            else tuple(_workload_unit(layout, handover, unit, narrowed, flips=last))
        )
        waves.append(
            Wave(
                name=name,
                goal=_goal(unit),
                steps=steps,
                gates=_gates(layout),
                exposure=Exposure(accepted=accepted_in(layout, order, unit)),
            )
        )
    return Phase(
        name=PhaseName.SWITCH,
        goal="Namespaces and workloads leave their sidecars, callers before guarded servers.",
        waves=tuple(waves),
    )


def _goal(unit: Unit) -> str:
    workloads = ", ".join(w.name for w in unit.workloads)
    how = "as a whole" if unit.flip else "one workload after another"
    return f"{unit.namespace} moves {how}: {workloads}."


def _gates(layout: Layout) -> tuple[Gate, ...]:
    soak = layout.options.soak_minutes
    return (
        Gate(kind="checks", says="every check of the wave holds"),
        Gate(
            kind="error-rate",
            says="the error rate of the wave's workloads is at most the baseline's",
        ),
        *(
            (Gate(kind="soak", says=f"{soak} minutes without a failed check", minutes=soak),)
            if soak
            else ()
        ),
        Gate(kind="person", says="go on with the next wave"),
    )


def _bind(layout: Layout, namespace: str, copies: tuple[Ref, ...]) -> Wave:
    mesh = layout.mesh
    steps: list[AnyStep] = []
    for ref in layout.bound_in(namespace):
        service = mesh.services.get(ref)
        old = service.labels.get(names.USE_WAYPOINT) if service else None
        steps.append(
            SetLabels(
                id=f"bind.{ref.namespace}.{ref.name}",
                target=Target.of(ref),
                labels={names.USE_WAYPOINT: waypoint.NAME},
                old={names.USE_WAYPOINT: old},
                why="Ambient callers of the Service go through the waypoint from now on. The label is on "
                "the Service, not on the namespace, so that nothing is bound that nobody looked at.",
                rules=layout.bound[ref],
                requires=(waypoint_step(namespace),),
                before=(checks.waypoint_ready(namespace, waypoint.NAME),),
                after=(checks.service_bound(ref),),
            )
        )
    if steps and copies:
        last = steps[-1]
        attached = tuple(checks.policy_attached(ref) for ref in copies)
        steps[-1] = last.model_copy(update={"after": (*last.after, *attached)})
    return Wave(
        name=f"bind-{namespace}",
        goal=f"The waypoint of {namespace} stands in front of its Services, for ambient callers.",
        steps=tuple(steps),
        gates=(Gate(kind="checks", says="every check of the wave holds"),),
    )


def _flip_unit(layout: Layout, unit: Unit) -> Iterator[AnyStep]:
    yield from flip_steps(layout, unit.namespace)
    for workload in unit.workloads:
        yield from move_steps(layout, workload, by_label=False)


def _workload_unit(
    layout: Layout, handover: HandOver, unit: Unit, narrowed: set[Ref], *, flips: bool
) -> Iterator[AnyStep]:
    for workload in unit.workloads:
        if workload.ref in layout.guarded:
            yield from _guard(layout, handover, workload, narrowed)
    for workload in unit.workloads:
        yield from move_steps(layout, workload, by_label=True)
    if flips and layout.moves_whole(unit.namespace):
        for workload in layout.moving_in(unit.namespace):
            if workload.ref in handover.guards and is_born_without_label(workload.ref):
                yield guard_for_all_pods(workload, handover.guards[workload.ref])
        yield from flip_steps(layout, unit.namespace)


def _guard(
    layout: Layout, handover: HandOver, workload: Workload, narrowed: set[Ref]
) -> Iterator[AnyStep]:
    yield from _ingress(layout, workload)
    manifest = handover.guards[workload.ref]
    ref = object_ref(manifest)
    yield CreateObject(
        id=f"guard.{step_name(workload.ref)}",
        target=Target.of(ref),
        manifest=manifest,
        why="What reaches the pods without the waypoint skips the HTTP-level policies there. The guard "
        "binds ambient pods only: none yet, and each one from its first moment.",
        rules=("AMB115",),
        requires=tuple(f"bind.{s.namespace}.{s.name}" for s in layout.services_of(workload)),
        before=(checks.absent(ref),),
        after=(checks.exists(ref),),
    )
    protecting = layout.mesh.attachments.on_workload(kinds.AUTHORIZATION_POLICY, workload)
    for policy_ref in sorted((handover.narrowed.keys() & {p.ref for p in protecting}) - narrowed):
        policy, spec = handover.narrowed[policy_ref]
        narrowed.add(policy_ref)
        old = handover.exempted[policy_ref][1] if policy_ref in handover.exempted else policy.spec
        yield UpdateSpec(
            id=f"narrow.{policy_ref.namespace}.{policy_ref.name}",
            target=Target.of(policy_ref),
            spec=spec,
            old=dict(old),
            why="ztunnel would not enforce it as it is written. Narrowed to pods with a sidecar it goes "
            "on where it works, and ambient pods are born under the guard and the copies.",
            rules=(rule_about(policy),),
            after=(checks.exists(policy_ref),),
        )


def _ingress(layout: Layout, workload: Workload) -> Iterator[AnyStep]:
    for service in layout.services_of(workload):
        if not layout.mesh.routing.ingress_routes_for(service):
            continue
        yield SetLabels(
            id=f"ingress.{step_name(workload.ref)}.{service.name}",
            target=Target.of(service.ref),
            labels={names.INGRESS_USE_WAYPOINT: "true"},
            old={names.INGRESS_USE_WAYPOINT: service.labels.get(names.INGRESS_USE_WAYPOINT)},
            why="A gateway sends straight to the pods unless it is told to use the waypoint; with the "
            "guard in place that would be refused.",
            rules=("AMB501",),
            requires=(f"bind.{service.namespace}.{service.name}",),
            disruption=Disruption.NEW_CONNECTIONS,
            after=(checks.labels_set(service.ref),),
        )
