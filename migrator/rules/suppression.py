"""Findings that a person has judged: an annotation on the object, with a reason.

`ignore-check.migrate/AMB101: "reason"`, by code or by the rule's id. Without a reason nothing is
suppressed: the reason is the point.
"""

from collections.abc import Iterable

from migrator.model.finding import Finding
from migrator.model.snapshot import Snapshot

PREFIX = "ignore-check.migrate/"


def without_suppressed(
    snapshot: Snapshot, findings: Iterable[Finding]
) -> tuple[tuple[Finding, ...], tuple[tuple[Finding, str], ...]]:
    """(findings that stay, suppressed ones with their reasons)."""
    kept, suppressed = [], []
    for finding in findings:
        reason = _reason(snapshot, finding)
        if reason:
            suppressed.append((finding, reason))
        else:
            kept.append(finding)
    return tuple(kept), tuple(suppressed)


def _reason(snapshot: Snapshot, finding: Finding) -> str:
    subject = snapshot.get(finding.subject)
    if subject is None:
        return ""
    names = (PREFIX + finding.code, PREFIX + finding.rule)
    return next((r for n in names if (r := subject.annotations.get(n, "").strip())), "")
