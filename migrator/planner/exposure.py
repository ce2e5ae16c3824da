"""What a wave opens and closes, for whom: from the model, not observed.

Nothing opens by the plan's own steps: each pod is born under the policies of its own mode. What a person
accepted against a blocker may, and is named in the wave where it begins. What may close are calls from pods
that still have a sidecar to guarded pods, because a sidecar never sends through a waypoint.
"""

from migrator.istio.workloads import Workload
from migrator.model.finding import Finding, Scope, Severity
from migrator.model.resource import Ref
from migrator.steps import Target

from .layout import Layout, stopped_by
from .order import Order, Unit
from .plan import Acknowledgement, Exposure


def of_unit(layout: Layout, order: Order, unit: Unit) -> Exposure:
    """The exposure while the unit moves, and what of it stays."""
    opens = tuple(
        f"Accepted by a person, and it may open something: {f.code} {f.rule} on {f.subject}: {f.message}"
        for f in layout.accepted
        if _touches(layout, order, unit, f)
    )
    closes = []
    if unit.among:
        names = ", ".join(unit.among)
        closes.append(
            f"While the wave runs, calls among {names} from pods that still have a sidecar to pods that "
            "are ambient already are refused by their guards: they may call each other, so that none of "
            "them can go first."
        )
    for workload in unit.workloads:
        if workload.ref not in layout.guarded:
            continue
        left = _left_behind(layout, order, workload)
        if left:
            closes.append(
                f"From this wave on the guard of {workload.ref} refuses {', '.join(left)}."
            )
        if not layout.mesh.mtls(workload).strict:
            closes.append(
                f"{workload.ref} accepts plaintext today (PeerAuthentication is not STRICT): plaintext "
                "callers from outside the mesh, which no waypoint serves, are refused from now on."
            )
    return Exposure(opens=opens, closes=tuple(closes))


def _touches(layout: Layout, order: Order, unit: Unit, finding: Finding) -> bool:
    """Whether the finding's harm begins with the unit; one of the whole mesh begins with the first."""
    if finding.scope is Scope.CLUSTER:
        return unit == order.units[0]
    return bool(stopped_by(finding, layout.mesh, unit.workloads))


def acknowledgements(layout: Layout, order: Order) -> tuple[Acknowledgement, ...]:
    """What closes must be accepted by a person before the plan may be applied."""
    found = []
    for unit in order.units:
        if unit.among:
            found.append(
                _acknowledge(
                    "callers-in-a-cycle",
                    Severity.WARNING,
                    unit.workloads[0].ref,
                    f"{', '.join(unit.among)} may call each other and are guarded: while they move, some "
                    "of these calls are refused. Options: a maintenance window; a declared call graph "
                    "(--calls) that shows an order; or accept it here.",
                )
            )
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
    moving = {w.ref for w in layout.moving}
    callers = order.callers[workload.ref].workloads
    staying = [w.ref for w in layout.mesh.meshed if w.ref not in moving]
    return tuple(str(ref) for ref in staying if callers is None or ref in callers)


def _acknowledge(rule: str, severity: Severity, ref: Ref, says: str) -> Acknowledgement:
    return Acknowledgement(
        code=_CODES[rule], rule=rule, severity=severity, target=Target.of(ref), says=says
    )


_CODES = {"callers-in-a-cycle": "PLAN01", "callers-left-behind": "PLAN02"}
