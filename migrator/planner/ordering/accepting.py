"""What a person must accept of an order: calls that no order keeps up, and what was judged harmless."""

from migrator.istio.workloads import Workload
from migrator.model.finding import Finding, Scope, Severity
from migrator.model.resource import Ref
from migrator.planner.decisions.layout import Layout
from migrator.planner.decisions.staying import stopped_by
from migrator.planner.plan import Acknowledgement
from migrator.steps import Target

from .order import Order
from .units import Unit


def accepted_in(layout: Layout, order: Order, unit: Unit) -> tuple[str, ...]:
    """Blockers that a person accepted and whose harm begins with the unit."""
    return tuple(
        f"{f.code} {f.rule} on {f.subject}: {f.message}"
        for f in layout.accepted
        if _touches(layout, order, unit, f)
    )


def _touches(layout: Layout, order: Order, unit: Unit, finding: Finding) -> bool:
    """Whether the finding's harm begins with the unit; one of the whole mesh begins with the first."""
    if finding.scope is Scope.CLUSTER:
        return unit == order.units[0]
    return bool(stopped_by(finding, layout.mesh, {w.ref: w for w in unit.workloads}))


def acknowledgements(layout: Layout, order: Order) -> tuple[Acknowledgement, ...]:
    """What closes must be accepted by a person before the plan may be applied."""
    found = [
        _acknowledge("callers-in-a-cycle", Severity.WARNING, knot.members[0].ref, knot.says)
        for knot in order.knots
        if knot.says
    ]
    for unit in order.units:
        for workload in unit.workloads:
            left = _left_behind(layout, order, workload) if workload.ref in layout.guarded else ()
            if left:
                found.append(
                    _acknowledge(
                        "callers-left-behind",
                        Severity.BLOCKER,
                        workload.ref,
                        f"{', '.join(left)} stay in sidecar mode and may call {workload.ref} "
                        f"({order.callers[workload.ref].how}); its guard will refuse them. Let them "
                        "move, leave the server behind too (--exclude), declare the call graph "
                        "(--calls), or accept it here.",
                    )
                )
    unique = {(a.rule, a.target.ref, a.says): a for a in found}
    return tuple(unique[key] for key in sorted(unique))


def _left_behind(layout: Layout, order: Order, workload: Workload) -> tuple[str, ...]:
    """Meshed workloads that may call the server and that the plan does not move."""
    callers = order.callers[workload.ref].workloads
    return tuple(str(ref) for ref in layout.staying if callers is None or ref in callers)


def _acknowledge(rule: str, severity: Severity, ref: Ref, says: str) -> Acknowledgement:
    return Acknowledgement(
        code=_CODES[rule], rule=rule, severity=severity, target=Target.of(ref), says=says
    )


_CODES = {"callers-in-a-cycle": "PLAN01", "callers-left-behind": "PLAN02"}
