"""A rehearsal as JUnit XML: a test case for each step, for each fault, and one for the verdict."""

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from migrator.rehearsal.result import Outcome, Rehearsal

from .rehearsal_text import words
from .text import safe


def render(report: Rehearsal) -> str:
    """Incidents are failures of the step at which they were seen; expected ones are not."""
    suite = ET.Element("testsuite", name="migrate rehearse", time=f"{report.seconds:.3f}")
    for step in report.steps:
        case = _case(suite, f"step.{step.wave}", step.step, step.seconds)
        _blame(case, _said(report, step.step))
    for fault in report.faults:
        case = _case(suite, "fault", fault.fault, fault.seconds)
        bad = [] if fault.stopped else ["the run went on"]
        bad += [] if fault.rolled_back else ["not rolled back"]
        bad += [] if fault.baseline_holds else ["answers are not as before"]
        _blame(case, bad)
    last = _case(suite, "verdict", report.provider, 0)
    if report.verdict is Outcome.INCONCLUSIVE:
        ET.SubElement(last, "skipped", message=safe("; ".join(report.reasons)))
    elif report.verdict is Outcome.FAILED:
        _blame(last, [*report.reasons, *_said(report, "")])
    for tag in ("failure", "skipped"):
        suite.set({"failure": "failures"}.get(tag, tag), str(len(suite.findall(f".//{tag}"))))
    suite.set("tests", str(len(suite)))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _case(suite: ET.Element, name: str, case: str, seconds: float) -> ET.Element:
    return ET.SubElement(
        suite,
        "testcase",
        classname=f"migrate.rehearse.{name}",
        name=safe(case),
        time=f"{seconds:.3f}",
    )


def _blame(case: ET.Element, said: Sequence[str]) -> None:
    if said:
        failure = ET.SubElement(case, "failure", message=safe(said[0]))
        failure.text = safe("\n".join(said))


def _said(report: Rehearsal, step: str) -> list[str]:
    """Incidents of the step, or without one those that no step of the whole run had."""
    known = {one.step for one in report.steps}
    return [
        words(one)
        for one in report.incidents
        if not one.expected and (one.step == step or (not step and one.step not in known))
    ]
