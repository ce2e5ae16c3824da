"""`migrate check` as JUnit XML: a test case for each rule, a failure for each blocker or warning."""

from collections.abc import Iterable
from xml.etree import ElementTree as ET

from .contract import CheckReport
from .text import safe


def render(report: CheckReport, rules: Iterable[tuple[str, str]]) -> str:
    """`rules` are (code, id) of every rule that was asked."""
    asked = tuple(rules)
    suite = ET.Element(
        "testsuite", name="migrate check", tests=str(len(asked) + (not report.complete))
    )
    failures = 0
    for code, rule in asked:
        case = ET.SubElement(suite, "testcase", classname=f"migrate.{code}", name=rule)
        for finding in (f for f in report.findings if f.code == code):
            said = f"{finding.where} {finding.path}\n{finding.message}\nfix: {finding.fix}".strip()
            if finding.severity == "info":
                ET.SubElement(case, "system-out").text = safe(f"{finding.subject}\n{said}")
                continue
            failures += 1
            failure = ET.SubElement(
                case,
                "failure",
                type=finding.severity,
                message=safe(f"{finding.subject}: {finding.message}"),
            )
            failure.text = safe(said)
    if not report.complete:
        case = ET.SubElement(
            suite, "testcase", classname="migrate", name="everything could be read"
        )
        error = ET.SubElement(
            case, "error", type="incomplete", message="something could not be read"
        )
        error.text = safe("\n".join(f"{u.where}: {u.reason}" for u in report.unread))
    suite.set("failures", str(failures))
    suite.set("errors", str(int(not report.complete)))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"
