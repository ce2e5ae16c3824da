"""A rehearsal's report for a terminal."""

from collections.abc import Iterator

from migrator.rehearsal.result import Incident, Outcome, Rehearsal

from .text import plural, safe, wrap

Line = tuple[str, str]
_STYLES = {
    Outcome.PASSED: "bold green", Outcome.FAILED: "bold red", Outcome.INCONCLUSIVE: "bold yellow",
}  # fmt: skip
EXPECTED = {"": "", "plan": ", as the plan says", "fault": ", because of what was put in"}
_SIMULATED = " (simulated)"


def lines(report: Rehearsal, columns: int) -> Iterator[Line]:
    """The verdict comes first, then what it rests on."""
    yield f"REHEARSAL {report.verdict.value.upper()}", _STYLES[report.verdict]
    for reason in report.reasons:
        yield wrap(reason, "    ", columns, first="  - "), ""
    simulated = _SIMULATED if report.simulated_samples == report.samples else ""
    yield wrap(
        f"on {report.provider} with Istio {report.istio} (the plan is for {report.istio_of_plan}), "
        f"{plural(report.samples, 'answer')}{simulated} in {report.seconds:.0f} s", "  ", columns
    ), "dim"  # fmt: skip
    yield from _baseline(report)
    yield from _faults(report, columns)
    yield from _incidents(report, columns)
    yield from _steps(report, columns)
    for title, said in (
        ("PROVEN", report.proven), ("SIMULATED", report.simulated),
        ("CHANGED FOR THE REHEARSAL", report.adapted), ("LEFT OUT", report.left_out),
    ):  # fmt: skip
        yield from _listed(title, said, columns)


def _baseline(report: Rehearsal) -> Iterator[Line]:
    found = report.baseline
    yield "", ""
    yield "BASELINE", "bold"
    yield (
        f"  {found.allowed} calls allowed, {found.denied} denied, {found.failed} without answer",
        "",
    )
    if found.unstable:
        yield f"  {found.unstable} not always the same", "yellow"
    callers = ", ".join(f"{kind} {count}" for kind, count in found.callers.items())
    yield f"  by caller: {callers}", "dim"


def _faults(report: Rehearsal, columns: int) -> Iterator[Line]:
    if not report.faults:
        return
    yield "", ""
    yield "PUT IN ON PURPOSE", "bold"
    for one in report.faults:
        good = one.stopped and one.rolled_back and one.baseline_holds
        sign = "✓" if good else "✗"
        yield f"  {sign} {one.fault}, {one.seconds:.0f} s", "green" if good else "red"
        yield wrap(one.says, "      ", columns), "dim"
        went = f"stopped: {one.at}" if one.stopped else "the run went on to its end"
        yield wrap(went, "        ", columns, first="      "), ""
        back = "rolled back" if one.rolled_back else "not rolled back"
        holds = "answers as before" if one.baseline_holds else "answers are not as before"
        yield f"      {back}; {holds}", ""
        for differs in one.differs:
            yield wrap(differs, "          ", columns, first="        - "), "red"


def _incidents(report: Rehearsal, columns: int) -> Iterator[Line]:
    yield "", ""
    yield "INCIDENTS", "bold"
    if not report.incidents:
        yield "  none", "green"
    for one in report.incidents:
        style = "yellow" if one.expected else "red"
        until = f" to {one.until}" if one.until not in {"", one.step} else ""
        where = f"{one.kind} at {one.step or 'the beginning'}{until} ({one.during})"
        yield f"  {where}{EXPECTED[one.expected]}", style
        yield wrap(words(one), "      ", columns), ""


def words(one: Incident) -> str:
    """An incident as a sentence."""
    by = f", by {one.by}" if one.by else ""
    simulated = _SIMULATED if one.simulated else ""
    return (
        f"{one.caller} to {one.service} port {one.port}: {one.request}; before {one.before}, now "
        f"{one.kind}{by}; {plural(one.samples, 'answer')}{simulated}"
    )


def _steps(report: Rehearsal, columns: int) -> Iterator[Line]:
    yield "", ""
    yield f"STEPS: {len(report.steps)} done, {plural(report.restarts, 'rolling restart')}", "bold"
    for step in report.steps:
        restart = " [restart]" if step.restart else ""
        yield (
            wrap(f"{step.says}{restart}", "          ", columns, first=f"  {step.seconds:5.1f} s "),
            "",
        )


def _listed(title: str, said: tuple[str, ...], columns: int) -> Iterator[Line]:
    if said:
        yield "", ""
        yield title, "bold"
        for one in said:
            yield wrap(safe(one), "    ", columns, first="  - "), ""
