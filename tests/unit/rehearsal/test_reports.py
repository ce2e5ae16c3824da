"""The report in its forms: verdict first, nothing simulated that does not say so."""

from xml.etree import ElementTree as ET

import pytest

from migrator.rehearsal.result import (
    Baseline,
    FaultReport,
    Incident,
    Outcome,
    Rehearsal,
    StepReport,
)
from migrator.report import rehearsal_junit, rehearsal_markdown, rehearsal_text

INCIDENT = Incident(
    kind="opened", during="the plan", wave="switch-shop", step="move.cart", caller="Deployment/shop/web",
    service="Service/shop/cart", port=80, request="GET /a|b", before="denied", by="waypoint w",
    samples=3, simulated=True,
)  # fmt: skip
EXPECTED = INCIDENT.model_copy(update={"kind": "failed", "expected": "plan", "step": "move.db"})
LOST = INCIDENT.model_copy(update={"step": "", "during": "image-cannot-start"})


def report(verdict, **more):
    known = {
        "reasons": ("because",), "provider": "controlplane", "istio": "1.31.0",
        "istio_of_plan": "1.30.3", "snapshot": "sha256:0", "samples": 9, "simulated_samples": 9,
        "baseline": Baseline(allowed=1, denied=2, failed=3, unstable=4, callers={"sidecar": 10}),
        "faults": (
            FaultReport(fault="image-cannot-start", says="an image", stopped=True, at="here",
                        rolled_back=True, baseline_holds=False, differs=("web to cart",), seconds=5),
        ),
        "steps": (
            StepReport(wave="w", step="move.cart", says="restart", seconds=2.5, restart=True),
            StepReport(wave="w", step="move.db", says="restart db", seconds=1, restart=True),
        ),
        "incidents": (INCIDENT, EXPECTED, LOST), "adapted": ("a",), "proven": ("p",),
        "simulated": ("s",), "left_out": ("l",), "seconds": 60,
    }  # fmt: skip
    return Rehearsal(verdict=verdict, **{**known, **more})


def text(one):
    return "\n".join(line for line, _ in rehearsal_text.lines(one, 100))


@pytest.mark.parametrize(("verdict", "code"), [("passed", 0), ("failed", 5), ("inconclusive", 1)])
def test_the_verdict_comes_first_and_decides_the_exit_code(verdict, code):
    one = report(Outcome(verdict))
    assert text(one).startswith(f"REHEARSAL {verdict.upper()}\n  - because")
    assert rehearsal_markdown.render(one).startswith(f"# Rehearsal: {verdict}")
    assert one.exit_code == code


def test_an_incident_names_step_caller_service_and_who_decided():
    said = text(report(Outcome.FAILED))
    assert "opened at move.cart (the plan)" in said
    assert "Deployment/shop/web to Service/shop/cart port 80: GET /a|b; before denied" in said
    assert "by waypoint w; 3 answers (simulated)" in " ".join(said.split())
    assert "failed at move.db (the plan), as the plan says" in said
    assert "9 answers (simulated)" in " ".join(said.split())
    assert "- web to cart" in said


def test_markdown_shows_every_character():
    said = rehearsal_markdown.render(report(Outcome.FAILED))
    assert "GET /a\\|b" in said
    assert "| image-cannot-start: an image | here | yes | **no** |" in said


def test_without_incidents_and_faults_that_is_said():
    one = report(Outcome.PASSED, incidents=(), faults=())
    assert "INCIDENTS\n  none" in text(one)
    assert "## Incidents\n\nNone." in rehearsal_markdown.render(one)
    assert "PUT IN ON PURPOSE" not in text(one)


def test_junit_blames_the_step_the_fault_and_the_verdict():
    suite = ET.fromstring(rehearsal_junit.render(report(Outcome.FAILED)))[0]
    failed = {case.get("name") for case in suite if case.find("failure") is not None}
    assert failed == {"move.cart", "image-cannot-start", "controlplane"}
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("4", "3", "0")


def test_junit_of_an_inconclusive_one_is_skipped_not_green():
    one = report(Outcome.INCONCLUSIVE, incidents=(), faults=())
    suite = ET.fromstring(rehearsal_junit.render(one))[0]
    assert (suite.get("failures"), suite.get("skipped")) == ("0", "1")
