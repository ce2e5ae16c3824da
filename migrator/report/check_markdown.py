"""`migrate check` as Markdown, made for a pull request."""

from .contract import CheckReport, FindingView
from .markdown import code, prose
from .text import plural


def render(report: CheckReport) -> str:
    """A summary, then a section for each severity; details are folded."""
    out = ["# Sidecar to ambient: findings", ""]
    if not report.complete:
        out += ["> **Incomplete.** Something could not be read, so nothing here means *ready*.", ""]
        out += [f"> - {code(u.where)}: {prose(u.reason)}" for u in report.unread] + [""]
    assumed = " (assumed)" if report.istio.assumed else ""
    out += [
        _counts(report) + f" Istio {report.istio.version}{assumed}.",
        "",
    ]
    for severity in ("blocker", "warning", "info"):
        found = [f for f in report.findings if f.severity == severity]
        if found:
            out += [f"## {severity.capitalize()}s", "", *_table(found), ""]
    if report.waypoints:
        out += [
            "## Services with a reason for a waypoint",
            "",
            "| service | reasons |",
            "|---|---|",
        ]
        for one in report.waypoints:
            reasons = ", ".join(
                f"{r.code} ({r.strength}, {r.kind} {code(r.name)})" for r in one.reasons
            )
            out.append(f"| {code(f'{one.namespace}/{one.service}')} | {reasons} |")
        out.append("")
    if report.suppressed:
        out += ["## Suppressed", "", "| code | object | reason |", "|---|---|---|"]
        out += [f"| {s.code} | {code(s.subject)} | {prose(s.reason)} |" for s in report.suppressed]
        out.append("")
    return "\n".join(out).rstrip() + "\n"


def _counts(report: CheckReport) -> str:
    count = report.summary
    return (
        f"{plural(count.blocker, 'blocker')}, {plural(count.warning, 'warning')}, "
        f"{plural(count.info, 'info', 'infos')}, {count.suppressed} suppressed."
    )


def _table(findings: list[FindingView]) -> list[str]:
    rows = ["| finding | object | what happens, and what to do |", "|---|---|---|"]
    for f in findings:
        where = f"<br>{code(f.where)}" if f.where else ""
        path = f"<br>{code(f.path)}" if f.path else ""
        affects = ", ".join(str(one) for one in f.affects)
        affected = f"<br>Affects: {prose(affects)}" if affects else ""
        rows.append(
            f"| {f.code}<br>{f.rule} | {code(f.subject)}{path}{where} "
            f"| {prose(f.message)}<br>**Fix** ({f.remedy}): {prose(f.fix)}{affected} |"
        )
    return rows
