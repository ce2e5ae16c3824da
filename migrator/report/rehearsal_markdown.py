"""A rehearsal's report for a pull request."""

from migrator.rehearsal.result import Rehearsal

from .markdown import code, prose
from .rehearsal_text import EXPECTED, words
from .text import plural


def render(report: Rehearsal) -> str:
    """The verdict comes first; steps are folded."""
    out = [f"# Rehearsal: {report.verdict.value}", ""]
    out += [f"- {prose(reason)}" for reason in report.reasons]
    out += [
        "",
        _setting(report),
        "",
        _baseline(report),
        "",
    ]
    out += [*_faults(report), *_incidents(report), *_steps(report)]
    for title, said in (
        ("Proven", report.proven), ("Simulated", report.simulated),
        ("Changed for the rehearsal", report.adapted), ("Left out", report.left_out),
    ):  # fmt: skip
        if said:
            out += [f"## {title}", "", *(f"- {prose(one)}" for one in said), ""]
    return "\n".join(out).rstrip() + "\n"


def _setting(report: Rehearsal) -> str:
    return (
        f"On {prose(report.provider)} with Istio {report.istio} (the plan is for "
        f"{report.istio_of_plan}); {plural(report.samples, 'answer')}, {report.simulated_samples} of "
        f"them simulated; {report.seconds:.0f} s. Snapshot {code(report.snapshot)}."
    )


def _baseline(report: Rehearsal) -> str:
    found = report.baseline
    return (
        f"Baseline: {found.allowed} calls allowed, {found.denied} denied, {found.failed} without "
        f"answer, {found.unstable} not always the same."
    )


def _faults(report: Rehearsal) -> list[str]:
    if not report.faults:
        return []
    rows = ["## Put in on purpose", "", "| failure | stopped at | rolled back | as before |"]
    rows.append("|---|---|---|---|")
    for one in report.faults:
        at = prose(one.at) if one.stopped else "**went on**"
        rows.append(
            f"| {one.fault}: {prose(one.says)} | {at} | {_yes(one.rolled_back)} "
            f"| {_yes(one.baseline_holds)} |"
        )
    return [*rows, ""]


def _incidents(report: Rehearsal) -> list[str]:
    if not report.incidents:
        return ["## Incidents", "", "None.", ""]
    rows = ["## Incidents", "", "| what | step | call |", "|---|---|---|"]
    rows += [
        f"| {one.kind}{EXPECTED[one.expected]} | {code(one.step or one.during)} | {prose(words(one))} |"
        for one in report.incidents
    ]
    return [*rows, ""]


def _steps(report: Rehearsal) -> list[str]:
    rows = [f"| {step.seconds:.1f} s | {prose(step.says)} |" for step in report.steps]
    said = f"{len(report.steps)} steps, {plural(report.restarts, 'rolling restart')}"
    head = ["## Steps", "", f"<details><summary>{said}</summary>", "", "| took | step |"]
    return [*head, "|---|---|", *rows, "", "</details>", ""]


def _yes(good: bool) -> str:  # noqa: FBT001
    return "yes" if good else "**no**"
