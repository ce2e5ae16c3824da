"""The plan as it is rehearsed: the same steps in the same order, with nobody's time to wait for.

Acknowledgements are taken as given, soaking is left out, checks get less time, and every wave has a gate
that the rehearsal's own traffic must pass.
"""

from typing import NamedTuple

from migrator.planner.plan import Gate, Plan, Wave
from migrator.steps import AnyStep, Check

_MEASURED = Gate(kind="error-rate", says="the rehearsal's own calls are answered as before")


class Adapted(NamedTuple):
    """The plan to rehearse, and in words what was changed in it."""

    plan: Plan
    changes: tuple[str, ...]


def adapt(plan: Plan, patience: int) -> Adapted:
    """`patience`: the seconds that any check may take."""
    given = sum(not a.acknowledged for a in plan.acknowledgements)
    soaks = [g for p in plan.phases for w in p.waves for g in w.gates if g.kind == "soak"]
    return Adapted(shortened(plan, patience), tuple(_changes(given, len(soaks), patience)))


def shortened(plan: Plan, patience: int) -> Plan:
    """The same with other seconds."""
    acknowledged = tuple(a.model_copy(update={"acknowledged": True}) for a in plan.acknowledgements)
    phases = tuple(
        p.model_copy(update={"waves": tuple(_wave(w, patience) for w in p.waves)})
        for p in plan.phases
    )
    return plan.model_copy(update={"acknowledgements": acknowledged, "phases": phases})


def _changes(given: int, soaks: int, patience: int) -> list[str]:
    said = [f"a check that does not hold within {patience} s has failed"]
    said.append("the error-rate gate of every wave measures the rehearsal's own calls")
    if given:
        said.append(f"{given} acknowledgements that nobody gave yet are taken as given")
    if soaks:
        said.append(f"{soaks} soaking times are left out")
    return said


def _wave(wave: Wave, patience: int) -> Wave:
    gates = tuple(g for g in wave.gates if g.kind not in {"soak", "error-rate"})
    steps = tuple(_step(step, patience) for step in wave.steps)
    return wave.model_copy(update={"gates": (*gates, _MEASURED), "steps": steps})


def _step(step: AnyStep, patience: int) -> AnyStep:
    return step.model_copy(
        update={
            "before": tuple(_check(check, patience) for check in step.before),
            "after": tuple(_check(check, patience) for check in step.after),
        }
    )


def _check(check: Check, patience: int) -> Check:
    return check.model_copy(update={"timeout_seconds": min(check.timeout_seconds, patience)})
