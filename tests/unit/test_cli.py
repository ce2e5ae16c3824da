"""The commands as a user runs them: exit codes, forms, widths, pipes, mistakes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner

from migrator.cli import app

ROOT = Path(__file__).parents[2]
BANK = str(ROOT / "plans" / "examples" / "bank" / "mesh")
GOLDEN = ROOT / "tests" / "golden" / "help"
COMMANDS = ("", "scan", "check", "explain", "plan", "show", "estimate", "permissions")

NAMESPACE = (
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {istio-injection: enabled}}\n"
)
LONG = (
    "a-workload-with-a-name-that-is-so-long-that-no-terminal-of-eighty-columns-holds-it-in-one-line"
)
DEPLOYMENT = f"""apiVersion: apps/v1
kind: Deployment
metadata: {{name: {LONG}, namespace: shop%s}}
spec:
  replicas: 1
  strategy: {{type: Recreate}}
  selector: {{matchLabels: {{app: a}}}}
  template:
    metadata: {{labels: {{app: a}}}}
    spec: {{containers: [{{name: app, image: a:1}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: a, namespace: shop}}
spec: {{selector: {{app: a}}, ports: [{{name: http, port: 80}}]}}
"""


def run(*arguments, **options):
    return CliRunner().invoke(app, list(arguments), **options)


def process(*arguments, **env):
    """The command in a process of its own, with pipes for its streams."""
    return subprocess.run(
        [sys.executable, "-m", "migrator", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, **env},
    )


@pytest.fixture
def quiet(tmp_path):
    """A mesh with a warning (one replica) and no blocker."""
    file = tmp_path / "mesh.yaml"
    file.write_text(NAMESPACE + "---\n" + DEPLOYMENT % "")
    return str(file)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_as_it_was(command):
    """Golden: a changed option is a changed contract (make golden)."""
    said = run(
        *([command] if command else []), "--help", env={"COLUMNS": "80", "TERM": "dumb"}
    ).stdout
    file = GOLDEN / f"{command or 'migrate'}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.mkdir(exist_ok=True)
        file.write_text(said)
    assert file.read_text() == said


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--version"], 0),
        (["check", BANK], 3),
        (["check", BANK, "--fail-on", "never"], 0),
        (["check", BANK, "--only", "AMB348"], 0),
        (["check", BANK, "--only", "single-replica", "--fail-on", "warning"], 3),
        (["check", BANK, "--only", "AMB999"], 2),
        (["check", BANK, "--namespace", "nowhere"], 2),
        (["check", BANK, "--istio-version", "latest"], 2),
        (["check", "--kubeconfig", "nowhere"], 1),
        (["check", BANK, "--kubeconfig", "nowhere"], 2),
        (["permissions"], 0),
        (["permissions", "nonsense"], 2),
        (["scan", BANK], 0),
        (["scan", BANK, "-n", "bank-core"], 0),
        (["explain", "AMB101"], 0),
        (["explain", "l7-allow-selector-policy", "-o", "json"], 0),
        (["explain"], 0),
        (["explain", "AMB000"], 2),
        (["estimate", BANK], 0),
        (["plan", BANK], 0),
        (["plan", BANK, "--acknowledge", "nonsense"], 2),
        (["check", BANK, "-o", "nonsense"], 2),
    ],
)
def test_exit_codes(arguments, code):
    """0 done, 1 failed or incomplete, 2 usage, 3 blockers."""
    assert run(*arguments).exit_code == code


def test_an_unknown_rule_names_its_neighbours():
    """A slip of the pen is recognised."""
    assert "l7-allow-selector-policy" in run("check", BANK, "--only", "l7-allow-policy").output


def test_json_and_yaml_hold_the_same():
    """One view model behind both."""
    as_json = json.loads(run("check", BANK, "-o", "json").stdout)
    as_yaml = yaml.safe_load(run("check", BANK, "-o", "yaml").stdout)

    assert as_json == as_yaml
    assert as_json["schema"] == "migrate/findings/v1"
    assert as_json["complete"] is True
    reasons = [r for w in as_json["waypoints"] for r in w["reasons"]]
    assert {r["strength"] for r in reasons} == {"hard", "soft"}
    effects = {(f["rule"], f["effect"]) for f in as_json["findings"] if f["effect"]}
    assert ("l7-allow-selector-policy", "closed") in effects
    assert ("custom-action-policy", "open") in effects


def test_sarif_points_at_files_and_lines():
    """What code scanning needs: rule, level, location."""
    (one,) = json.loads(run("check", BANK, "-o", "sarif").stdout)["runs"]

    assert one["tool"]["driver"]["name"] == "migrate"
    for result in one["results"]:
        assert one["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        place = result["locations"][0]["physicalLocation"]
        assert place["region"]["startLine"] >= 1
        assert place["artifactLocation"]["uri"].endswith(".yaml")


def test_junit_counts_what_it_holds():
    """A test case for each rule that was asked, a failure for each blocker and warning."""
    suite = ET.fromstring(run("check", BANK, "-o", "junit").stdout)[0]

    assert int(suite.get("tests")) == len(suite.findall("testcase"))
    assert int(suite.get("failures")) == len(suite.findall("testcase/failure")) > 0


def test_markdown_is_a_table_with_whole_names(quiet):
    """Made for a pull request."""
    said = run("check", quiet, "-o", "markdown").stdout

    assert said.startswith("# Sidecar to ambient: findings")
    assert LONG in said


@pytest.mark.parametrize("columns", ["80", "40"])
def test_names_are_never_cut(quiet, columns):
    """Lines are folded at spaces only; a name longer than the terminal stands whole."""
    for command in (["scan", quiet], ["check", quiet]):
        said = process(*command, COLUMNS=columns).stdout
        assert LONG in said
        assert "…" not in said


def test_no_escape_reaches_a_pipe(quiet):
    """No colours without a terminal, whatever the environment says."""
    for command in (["scan", quiet], ["check", quiet], ["explain", "AMB101"]):
        assert "\x1b" not in process(*command, TERM="xterm-256color").stdout


def test_data_and_narration_do_not_mix(quiet, tmp_path):
    """stdout is data; what happened is told on stderr."""
    done = process("plan", quiet, "-o", str(tmp_path / "p.yaml"))

    assert done.stdout == ""
    assert "plan written to" in done.stderr
    assert (tmp_path / "p.md").read_text().startswith("# From sidecars to ambient: the plan")


def test_a_plan_has_its_schema_beside_it(tmp_path):
    """Editors find it by the first line; it is the published one, and the plan keeps to it."""
    plan = tmp_path / "bank.yaml"
    process("plan", BANK, "-o", str(plan))
    schema = tmp_path / "plan.schema.json"

    assert plan.read_text().startswith("# yaml-language-server: $schema=plan.schema.json\n")
    assert schema.read_text() == (ROOT / "docs" / "plan.schema.json").read_text()
    jsonschema.validate(yaml.safe_load(plan.read_text()), json.loads(schema.read_text()))


def test_what_could_not_be_read_is_never_complete(tmp_path):
    """Exit 1, `complete: false`, no plan; findings are still shown."""
    file = tmp_path / "mesh.yaml"
    file.write_text(NAMESPACE + "---\napiVersion: v1\nkind: Service\nmetadata: {namespace: shop}\n")
    done = run("check", str(file), "-o", "json")
    plan = process("plan", str(file))

    assert done.exit_code == 1
    assert json.loads(done.stdout)["complete"] is False
    assert plan.returncode == 1
    assert "error: no plan is made" in plan.stderr
    assert f"{file}:" in plan.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["check", "no/such/file.yaml"], "no/such/file.yaml"),
        (["show", "no/such/plan.yaml"], "cannot read the plan"),
        (["show", "README.md"], "this is no plan file"),
        (["plan", BANK, "--calls", "README.md"], "no call graph"),
        (["plan", BANK, "-o", "/proc/nowhere/plan.yaml"], "cannot write"),
    ],
)
def test_mistakes_get_words_and_no_traceback(arguments, says):
    """What, where, what next; exit 1."""
    done = process(*arguments)

    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["AMB348", "single-replica"])
def test_a_reason_suppresses(tmp_path, name):
    """By code or id; the finding is listed with its reason."""
    file = tmp_path / "mesh.yaml"
    note = f', annotations: {{"ignore-check.migrate/{name}": "a test system"}}'
    file.write_text(NAMESPACE + "---\n" + DEPLOYMENT % note)
    report = json.loads(run("check", str(file), "--only", "AMB348", "-o", "json").stdout)

    assert report["findings"] == []
    assert [s["reason"] for s in report["suppressed"]] == ["a test system"]


def test_without_a_reason_nothing_is_suppressed(tmp_path):
    """The reason is the point."""
    file = tmp_path / "mesh.yaml"
    file.write_text(
        NAMESPACE + "---\n" + DEPLOYMENT % ', annotations: {"ignore-check.migrate/AMB348": ""}'
    )
    report = json.loads(run("check", str(file), "--only", "AMB348", "-o", "json").stdout)

    assert len(report["findings"]) == 1


def test_an_empty_answer_says_so(tmp_path):
    """Nothing found is said in words."""
    file = tmp_path / "mesh.yaml"
    file.write_text("apiVersion: v1\nkind: Namespace\nmetadata: {name: plain}\n")

    assert "No findings" in run("check", str(file)).stdout
    assert "No workloads." in run("scan", str(file)).stdout
    assert "Nothing to do" in process("show", _plan(file, tmp_path)).stdout


def test_a_saved_snapshot_gives_the_same_answers(tmp_path):
    """`scan --save`, then every command reads it."""
    saved = tmp_path / "bank.snapshot"
    assert run("scan", BANK, "--save", str(saved)).exit_code == 0
    first = json.loads(run("check", BANK, "-o", "json").stdout)
    again = json.loads(run("check", str(saved), "-o", "json").stdout)

    assert [(f["code"], f["name"]) for f in first["findings"]] == [
        (f["code"], f["name"]) for f in again["findings"]
    ]
    assert first["waypoints"] == again["waypoints"]


def test_a_bug_is_called_one(monkeypatch, capsys):
    """An exception that nobody expected: its name, no traceback, exit 1."""
    from migrator import cli

    def broken():
        raise KeyError("shop")

    monkeypatch.setattr(cli, "app", broken)
    monkeypatch.delenv("MIGRATE_DEBUG", raising=False)
    with pytest.raises(SystemExit) as stop:
        cli.main()

    assert stop.value.code == 1
    assert "this is a bug of migrate: KeyError" in capsys.readouterr().err


def _plan(file, folder):
    target = folder / "plan.yaml"
    process("plan", str(file), "-o", str(target))
    return str(target)
