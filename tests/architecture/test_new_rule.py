"""`make new-rule` writes what ruff accepts, and refuses what would be in the way."""

import subprocess
import sys
from pathlib import Path

import pytest

from migrator.rules import all_rules
from tools import catalogue, new_rule

ROOT = Path(__file__).parents[2]


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """New files go to a folder of the test; one name is kept, with its code."""
    reserved = tmp_path / "reserved.txt"
    reserved.write_text("AMB198  kept-for-later\n")
    monkeypatch.setattr(catalogue, "RESERVED", reserved)
    monkeypatch.setattr(new_rule, "RULES", tmp_path / "rules")
    monkeypatch.setattr(new_rule, "FIXTURES", tmp_path / "fixtures")
    return tmp_path


def test_writes_a_rule_and_two_fixtures_that_ruff_accepts(elsewhere: Path) -> None:
    rule, bad, good = new_rule.create("demo-finding", "authz", "AMB199")

    assert rule == elsewhere / "rules" / "authz" / "demo_finding.py"
    assert 'code = "AMB199"' in rule.read_text()
    assert "class DemoFinding(Rule):" in rule.read_text()
    assert "# expect: AMB199\n" in bad.read_text()
    assert "# expect" not in good.read_text()
    ruff = str(Path(sys.executable).with_name("ruff"))
    for command in (["check"], ["format", "--check"]):
        subprocess.run(
            [ruff, *command, "--quiet", "--stdin-filename", "migrator/rules/authz/demo_finding.py"],
            cwd=ROOT,
            input=rule.read_bytes(),
            check=True,
        )


def test_a_kept_name_takes_its_kept_code(elsewhere: Path) -> None:
    rule, _, _ = new_rule.create("kept-for-later", "workload", "")

    assert rule == elsewhere / "rules" / "authz" / "kept_for_later.py"
    assert 'code = "AMB198"' in rule.read_text()
    assert catalogue.read_reserved() == {}


@pytest.mark.usefixtures("elsewhere")
def test_a_new_name_takes_the_next_free_code() -> None:
    taken = {rule.code for rule in all_rules()} | {"AMB198"}
    code = new_rule.choose_code("demo-finding", "authz", "")

    assert code not in taken
    assert {f"AMB1{n:02}" for n in range(1, int(code[4:]))} <= taken


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(
    ("name", "subject", "code", "says"),
    [
        ("Demo-Finding", "authz", "", "is no name"),
        ("demo", "authz", "", "is no name"),
        ("", "authz", "", "is no name"),
        ("demo_finding", "authz", "", "is no name"),
        ("use-a-waypoint", "authz", "", "names the cure"),
        ("demo-finding", "cooking", "", "no subject"),
        ("demo-finding", "authz", "AMB9", "is no code"),
        ("demo-finding", "authz", "AMB901", "is no code"),
        ("demo-finding", "authz", "AMB198", "belongs to kept-for-later"),
        (all_rules()[0].id(), "authz", "", "already"),
        ("demo-finding", "authz", all_rules()[0].code, "belongs to"),
    ],
)
def test_refuses(name: str, subject: str, code: str, says: str) -> None:
    with pytest.raises(new_rule.RefusedError, match=says):
        new_rule.create(name, subject, code)
