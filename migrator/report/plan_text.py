"""`migrate show` for a person."""

from collections.abc import Iterator

from migrator.planner.file.invariants import broken
from migrator.planner.plan import Acknowledgement, Plan, Wave

from .exposed import exposed
from .text import plural, safe, wrap

Line = tuple[str, str]
_SHOWN = 40
_DISRUPTIONS = {"none": "", "new-connections": "  [new connections]", "restart": "  [restart]"}


def lines(plan: Plan, columns: int) -> Iterator[Line]:
    """What a reviewer asks first comes first: may it be applied, what opens, what closes, who stays."""
    yield from _verdict(plan, columns)
    yield from exposure_lines(plan, columns)
    yield from _scope(plan, columns)
    for phase in plan.phases:
        yield "", ""
        yield f"PHASE {phase.name.value}", "bold"
        yield wrap(phase.goal, "  ", columns), "dim"
        for wave in phase.waves:
            yield from _wave(wave, columns)


def _verdict(plan: Plan, columns: int) -> Iterator[Line]:
    header = plan.header
    assumed = " (assumed)" if header.istio_assumed else ""
    said = f"Plan of {plan.tool} for Istio {header.istio}{assumed}, call graph: {header.calls}"
    yield wrap(said, "  ", columns, first=""), "bold"
    yield f"snapshot {header.snapshot}", "dim"
    unsound = broken(plan)
    refusals = (*plan.refusals(), *unsound)
    if not plan.phases:
        said = (
            "Nothing to do: no workload with a sidecar may move."
            if not plan.blockers
            else "Blocked."
        )
        yield said, "bold"
    elif refusals:
        yield f"Not to be applied yet: {plural(len(refusals), 'point')} below.", "bold yellow"
    else:
        yield "Nothing stands against applying it.", "bold green"
    yield from _waiting(plan, columns)
    for point in unsound:
        yield wrap(f"broken invariant {point}", "    ", columns, first="  "), "bold red"
    if plan.assumptions:
        yield "", ""
        yield "ASSUMED, NOT SEEN", "bold"
        for said in plan.assumptions:
            yield wrap(said, "    ", columns, first="  - "), ""


def _waiting(plan: Plan, columns: int) -> Iterator[Line]:
    for title, found in (
        ("BLOCKERS OF THE WHOLE MESH", plan.blockers),
        ("TO ACKNOWLEDGE", plan.acknowledgements),
    ):
        waiting = [a for a in found if not a.acknowledged]
        if waiting:
            yield "", ""
            yield title, "bold"
            for one in waiting:
                yield _acknowledgement(one, columns), ""


def _acknowledgement(one: Acknowledgement, columns: int) -> str:
    return wrap(f"{one.code} {one.rule} {one.target}: {one.says}", "    ", columns, first="  ")


def exposure_lines(plan: Plan, columns: int) -> Iterator[Line]:
    """What opens and closes, for whom, between which steps; or that nothing does."""
    yield "", ""
    for title, style, found in exposed(plan):
        yield f"{title}, by the model", "bold"
        for name, said in found[:_SHOWN]:
            yield wrap(f"{name}: {said}", "    ", columns, first="  "), style
        if len(found) > _SHOWN:
            yield f"  and {len(found) - _SHOWN} more, in the plan and its report", "dim"
        if not found:
            yield "  nothing", ""


def _scope(plan: Plan, columns: int) -> Iterator[Line]:
    yield "", ""
    yield "MOVES", "bold"
    for scope in plan.scope:
        yield wrap(
            f"{scope.namespace}, by {scope.mode}: {', '.join(scope.workloads)}. {scope.why}",
            "    ", columns, first="  ",
        ), ""  # fmt: skip
    if not plan.scope:
        yield "  nothing", ""
    yield "STAYS BEHIND", "bold"
    for exclusion in plan.exclusions:
        yield wrap(f"{exclusion.target}: {exclusion.reason}", "    ", columns, first="  "), ""
        if exclusion.fix:
            yield wrap(f"to move it: {exclusion.fix}", "      ", columns, first="    "), "dim"
    if not plan.exclusions:
        yield "  nothing", ""
    if plan.waypoints:
        yield "WAYPOINTS", "bold"
        for waypoint in plan.waypoints:
            services = ", ".join(
                f"{name} ({', '.join(codes) or 'behind a guard'})"
                for name, codes in waypoint.services.items()
            )
            yield (
                wrap(
                    f"{waypoint.namespace}/{waypoint.name}: {services}", "    ", columns, first="  "
                ),
                "",
            )


def _wave(wave: Wave, columns: int) -> Iterator[Line]:
    yield "", ""
    yield f"  {safe(wave.name)}", "bold"
    yield wrap(wave.goal, "    ", columns), "dim"
    for step in wave.steps:
        yield (
            wrap(
                f"{step.summary()}{_DISRUPTIONS[step.disruption.value]}",
                "      ",
                columns,
                first="    - ",
            ),
            "",
        )
    for gate in wave.gates:
        yield wrap(f"gate ({gate.kind}): {gate.says}", "      ", columns, first="    = "), "cyan"
