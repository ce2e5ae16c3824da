"""Findings as a plan's reviewer meets them: to be accepted, or accepted by the object's owner already."""

from migrator.model.finding import Finding
from migrator.planner.options import PlanOptions
from migrator.planner.plan import Acknowledgement
from migrator.steps import Target


def acknowledgement(finding: Finding, options: PlanOptions) -> Acknowledgement:
    """What is to be accepted of a finding."""
    return Acknowledgement(
        code=finding.code,
        rule=finding.rule,
        severity=finding.severity,
        target=Target.of(finding.subject),
        path=finding.path,
        says=finding.message,
        acknowledged=any(a.covers(finding) for a in options.acknowledge),
    )


def of_owner(finding: Finding, reason: str) -> Acknowledgement:
    """What the owner of an object has accepted by an annotation, and why."""
    says = f"{finding.message} Suppressed by an annotation of the object: {reason}"
    unasked = acknowledgement(finding, PlanOptions())
    return unasked.model_copy(update={"says": says, "acknowledged": True})
