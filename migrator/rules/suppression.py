"""Findings that a person has judged: an annotation on the object, with a reason.

`ignore-check.migrate/AMB101: "reason"`, by code or by the rule's id. Without a reason nothing is
suppressed: the reason is the point.
"""

from collections.abc import Iterable, Iterator

from migrator.model.finding import Finding
from migrator.model.resource import Ref
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


def lacking_reason(snapshot: Snapshot, findings: Iterable[Finding]) -> tuple[tuple[Ref, str], ...]:
    """(object, annotation) where somebody meant to suppress one of `findings` and gave no reason."""
    return tuple(
        sorted(
            {
                (finding.subject, name)
                for finding in findings
                for name, reason in _annotations(snapshot, finding)
                if not reason
            }
        )
    )


def _reason(snapshot: Snapshot, finding: Finding) -> str:
    return next((reason for _, reason in _annotations(snapshot, finding) if reason), "")


def _annotations(snapshot: Snapshot, finding: Finding) -> Iterator[tuple[str, str]]:
    """The annotations of the subject that are about the finding, with their reasons."""
    subject = snapshot.get(finding.subject)
    if subject is None:
        return
    for name in (PREFIX + finding.code, PREFIX + finding.rule):
        if name in subject.annotations:
            yield name, subject.annotations[name].strip()
