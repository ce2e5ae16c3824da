"""`migrate check` for a person: on a terminal or in a pipe."""

from collections.abc import Iterator
from itertools import groupby

from . import reading_text
from .contract import CheckReport, FindingView, SuppressedView
from .text import plural, safe, wrap

_STYLES = {"blocker": "bold red", "warning": "yellow", "info": "cyan"}
Line = tuple[str, str]  # text and its style


def lines(report: CheckReport, columns: int) -> Iterator[Line]:
    """The report line by line, findings grouped by severity and rule."""
    for severity, found in groupby(report.findings, key=lambda f: f.severity):
        group = list(found)
        yield f"{plural(len(group), severity).upper()}", _STYLES[severity]
        for rule, members in groupby(group, key=lambda f: (f.code, f.rule)):
            yield "", ""
            yield f"{rule[0]} {rule[1]}", "bold"
            for finding in members:
                yield from _finding(finding, columns)
            yield f"  more: migrate explain {rule[0]}", "dim"
        yield "", ""
    yield from _waypoints(report, columns)
    yield from _suppressed(report.suppressed, columns)
    yield from reading_text.unread(report.unread, columns)
    yield from _summary(report, columns)
    yield from reading_text.unknown(report.unknown, columns)


def _finding(finding: FindingView, columns: int) -> Iterator[Line]:
    yield f"  {safe(finding.subject)}", "bold"
    if finding.where:
        yield f"    at: {safe(finding.where)}", ""
    if finding.path:
        yield f"    field: {safe(finding.path)}", ""
    said = _EFFECTS.get(finding.effect or "")
    effect = f" Without a waypoint the policy is {said}." if said else ""
    yield wrap(finding.message + effect, "      ", columns, first="    "), ""
    yield wrap(_fix(finding), "      ", columns, first="    "), ""
    if finding.affects:
        names = ", ".join(str(one) for one in finding.affects)
        yield wrap(f"affects: {names}", "      ", columns, first="    "), ""
    if finding.callers:
        yield wrap(f"callers: {', '.join(finding.callers)}", "      ", columns, first="    "), ""


def _fix(finding: FindingView) -> str:
    if finding.fix == _NOTHING:
        return f"fix: {finding.fix}"
    return f"fix ({_REMEDIES[finding.remedy]}): {finding.fix}"


_NOTHING = "Nothing to do."
_REMEDIES = {"automatic": "the plan does it", "manual": "yours", "none": "not needed"}
_EFFECTS = {
    "wider": "wider than it is written",
    "narrower": "narrower than it is written",
    "open": "without effect: what it denied is open",
    "closed": "matched by nothing: what it allowed is denied",
    "ignored": "not read",
}


def _waypoints(report: CheckReport, columns: int) -> Iterator[Line]:
    if not report.waypoints:
        return
    yield "SERVICES WITH A REASON FOR A WAYPOINT", "bold"
    for one in report.waypoints:
        reasons = ", ".join(
            f"{r.code} {r.strength} ({r.kind}/{r.namespace}/{r.name})" for r in one.reasons
        )
        yield wrap(f"{one.namespace}/{one.service}: {reasons}", "    ", columns, first="  "), ""
    yield "", ""


def _suppressed(found: tuple[SuppressedView, ...], columns: int) -> Iterator[Line]:
    if not found:
        return
    yield "SUPPRESSED BY ANNOTATION", "bold"
    for one in found:
        yield wrap(f"{one.code} {one.subject}: {one.reason}", "    ", columns, first="  "), ""
    yield "", ""


def _summary(report: CheckReport, columns: int) -> Iterator[Line]:
    count = report.summary
    said = ", ".join(
        [
            plural(count.blocker, "blocker"),
            plural(count.warning, "warning"),
            plural(count.info, "info", "infos"),
        ]
    )
    if not report.findings:
        said = "No findings" if report.complete else "No findings in what could be read"
    extra = f", {count.suppressed} suppressed" if count.suppressed else ""
    assumed = (
        " (assumed: no istiod in the source; --istio-version sets it)"
        if report.istio.assumed
        else ""
    )
    yield (
        wrap(f"{said}{extra}. Istio {report.istio.version}{assumed}.", "  ", columns, first=""),
        "bold",
    )
