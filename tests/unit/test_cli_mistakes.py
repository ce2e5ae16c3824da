"""Slips of the pen: what is said, and that nothing is lost by them."""

import pytest
from typer.testing import CliRunner

from migrator.cli import app, names

MESH = """apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
  annotations: {ignore-check.migrate/single-replica: "%s"}
spec:
  replicas: 1
  strategy: {type: Recreate}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: web:1}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{name: http, port: 80}]}
"""


def run(*arguments):
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def mesh(tmp_path):
    """A mesh of one workload with an annotation, whose reason is to be filled in."""

    def write(reason):
        file = tmp_path / "mesh.yaml"
        file.write_text(MESH % reason)
        return str(file)

    return write


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("l7-allow", "; did you mean l7-allow-path or l7-allow-verb?"),
        ("L7-ALLOW-PATH", "; did you mean l7-allow-path?"),
        ("signle-replica", "; did you mean single-replica?"),
        ("AMB1O1", "; did you mean AMB101?"),
        ("AMB999", ""),
        ("l7", ""),
        ("", ""),
    ],
)
def test_near_names(name, said):
    """What holds the text comes first, then what is spelled like it; far names are no help."""
    known = ["AMB101", "AMB409", "AMB709", "l7-allow-path", "l7-allow-verb", "single-replica"]

    assert names.near(name, known) == said


def test_no_near_name_leads_to_the_list():
    said = run("explain", "AMB999")

    assert said.exit_code == 2
    assert "`migrate explain` lists all" in said.output


def test_a_plan_is_not_overwritten_by_its_report(mesh, tmp_path):
    """`-o plan.md` would be both files at once: a usage error, and nothing is written."""
    said = run("plan", mesh(""), "-o", str(tmp_path / "plan.md"))

    assert said.exit_code == 2
    assert "plan.yaml" in said.output
    assert [file.name for file in tmp_path.iterdir()] == ["mesh.yaml"]


def test_an_empty_reason_is_said(mesh):
    """The annotation suppresses nothing, and its author hears why."""
    said = run("check", mesh(" "), "--only", "AMB348")

    assert "AMB348" in said.stdout
    assert "Deployment/shop/web: ignore-check.migrate/single-replica gives no reason" in said.stderr


def test_a_reason_is_not_found_fault_with(mesh):
    said = run("check", mesh("a test system"), "--only", "AMB348")

    assert "0 blockers" in said.stdout or "No findings" in said.stdout
    assert said.stderr == ""


def test_a_plan_says_how_much_was_suppressed(mesh):
    """What a person judged by annotation must not vanish from a review."""
    assert "suppressed by annotation, see `migrate check`: 1" in run("plan", mesh("why")).stderr
    assert "suppressed" not in run("plan", mesh("")).stderr
