"""Each form of a report by itself: nothing of a manifest is taken as markup, cut, or lost."""

import json
import re
from pathlib import Path

import pytest
from rich.console import Console

from migrator.model.finding import Finding, Remedy, Scope, Severity
from migrator.model.resource import Ref
from migrator.report import (
    check_markdown,
    check_text,
    contract,
    data,
    inventory_text,
    junit,
    markdown,
    rule_text,
    sarif,
)
from migrator.report.inventory import inventory
from migrator.report.text import safe, wrap
from migrator.rules import all_rules
from tests.unit.manifests import mesh

EVIL = "<b>*x* and *y*</details> | [red]z[/red] ~~w~~ \x1b[31m\x9b2J\u202e"


def finding(**changes):
    fields = {
        "code": "AMB101",
        "rule": "l7-allow-selector-policy",
        "severity": Severity.BLOCKER,
        "subject": Ref("security.istio.io", "AuthorizationPolicy", "shop", "web"),
        "path": "spec.rules[0]",
        "message": f"It names {EVIL}.",
        "fix": "Use `a|b`.",
        "remedy": Remedy.MANUAL,
        "scope": Scope.WORKLOAD,
        "affects": (Ref("apps", "Deployment", "shop", "w" * 120),),
        "file": "mesh.yaml",
        "line": 3,
    }
    return Finding(**{**fields, **changes})


def report(*findings):
    return contract.check_report(mesh("{}"), findings)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hosts *.a and *.b", r"hosts \*.a and \*.b"),
        ("a <b> c", r"a \<b> c"),
        ("`migrate plan` does it", "`migrate plan` does it"),
        ("`a|b` or c|d", r"`a\|b` or c\|d"),
        ("two\nlines", "two lines"),
        (r"\d+", r"\\d+"),
        ("one ` alone *", r"one ` alone \*"),
    ],
)
def test_prose(text, said):
    """Markup is escaped, but not inside code."""
    assert markdown.prose(text) == said


@pytest.mark.parametrize(
    ("text", "said"), [("a*b", "`a*b`"), ("a`b", "`` a`b ``"), ("a``b", "``` a``b ```")]
)
def test_code(text, said):
    assert markdown.code(text) == said


def test_a_fence_is_longer_than_what_it_holds():
    assert markdown.fenced("a: |\n  ```", "yaml")[0] == "````yaml"
    assert markdown.fenced("a: 1", "yaml") == ["```yaml", "a: 1", "```"]


def test_html_is_text():
    assert markdown.in_html("</summary>&") == "&lt;/summary&gt;&amp;"


def test_markdown_keeps_every_character_and_every_row():
    """A value with a bar stays in its cell; one with stars keeps them."""
    rows = [line for line in check_markdown.render(report(finding())).splitlines() if "AMB" in line]

    assert len(rows) == 1
    assert len(re.findall(r"(?<!\\)\|", rows[0])) == 4
    assert r"\*x\* and \*y\*\</details>" in rows[0]
    assert "w" * 120 in rows[0]


@pytest.mark.parametrize("columns", [40, 80, 100])
def test_text_is_folded_and_whole(columns):
    """Lines keep to the width but for words that are longer than it; those are whole."""
    lines = "\n".join(text for text, _ in check_text.lines(report(finding()), columns)).split("\n")

    assert any("w" * 120 in line for line in lines)
    for line in lines:
        assert len(line) <= columns or len(line.split()) == 1, line


@pytest.mark.parametrize(
    ("remedy", "fix", "said"),
    [
        (Remedy.AUTOMATIC, "Bind it.", "fix (the plan does it): Bind it."),
        (Remedy.MANUAL, "Bind it.", "fix (yours): Bind it."),
        (Remedy.NONE, "Remove it.", "fix (not needed): Remove it."),
        (Remedy.NONE, "Nothing to do.", "fix: Nothing to do."),
    ],
)
def test_who_fixes_it_is_said(remedy, fix, said):
    text = [line for line, _ in check_text.lines(report(finding(remedy=remedy, fix=fix)), 80)]

    assert f"    {said}" in text


def test_no_control_character_is_left():
    """Neither escape, nor its 8-bit form, nor a change of direction."""
    for text, _ in check_text.lines(report(finding()), 80):
        assert all(c.isprintable() or c == "\n" for c in text)
    assert safe("a\x1b[31m\x9b\u202eb\n") == "a\ufffd[31m\ufffd\ufffdb\n"


def test_json_shows_letters_and_escapes_the_rest():
    """It is the same value either way, and no terminal is moved by it."""
    value = {"a": "café 日本 \x1b[31m\x9b2J\u202e\U000e0041 \ud800"}
    said = data.render(value, "json")

    assert json.loads(said) == value
    assert "café 日本" in said
    assert all(c.isprintable() or c == "\n" for c in said)


def test_a_narrow_terminal_folds_the_inventory():
    """Heads and workloads too."""
    view = inventory(
        mesh(
            """
            apiVersion: v1
            kind: Namespace
            metadata: {name: shop, labels: {istio-injection: enabled, istio.io/use-waypoint: none}}
            ---
            apiVersion: apps/v1
            kind: Deployment
            metadata: {name: cart-of-the-shop-front, namespace: shop}
            spec: {template: {spec: {containers: [{name: a}]}}}
            """
        )
    )
    lines = "\n".join(text for text, _ in inventory_text.lines(view, 40)).split("\n")

    assert "  Deployment/cart-of-the-shop-front x1" in lines
    assert all(len(line) <= 40 for line in lines)


def test_markup_of_rich_is_text(capsys):
    """A name like `[red]` is printed as it is."""
    from migrator.cli import common

    common.print_lines([("[red]z[/red] :smile:", "bold"), ("\x1b[31m", "")])

    assert capsys.readouterr().out == "[red]z[/red] :smile:\n\ufffd[31m\n"


def test_no_color_is_kept_to(monkeypatch):
    """On a terminal with NO_COLOR there is no colour."""
    from migrator.report import text

    monkeypatch.setattr(Console, "is_terminal", property(lambda self: True))
    monkeypatch.setenv("TERM", "xterm-256color")
    said = {}
    for no_color in ("", "1"):
        monkeypatch.setenv("NO_COLOR", no_color)
        console = text.console()
        with console.capture() as captured:
            console.print("grave", style="red")
        said[no_color] = captured.get()

    assert "\x1b[31m" in said[""]
    assert "\x1b[3" not in said["1"]


def test_wrap_never_breaks_a_word():
    assert wrap("a-b-c-d-e-f " * 3, "", 5).split() == ["a-b-c-d-e-f"] * 3


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.code)
def test_pages_fit_80_columns(rule):
    """Only a link or a path may be longer. Words and headings are those of the docstring."""
    lines = [
        line for text, _ in rule_text.lines(rule_text.page(rule), 80) for line in text.split("\n")
    ]
    body = " ".join(" ".join(lines[2:]).split())

    assert all(len(line) <= 80 or len(line.split()) == 1 for line in lines)
    assert body.startswith(" ".join(rule.doc().replace("## ", "").split()))
    assert {"Why", "Fix", "References"} <= set(lines)


def test_sarif_says_where_relative_to_the_repository(monkeypatch, tmp_path):
    """Blanks are quoted, a path below the working directory is relative to it."""
    monkeypatch.chdir(tmp_path)
    files = {
        "a b/mesh.yaml": "a%20b/mesh.yaml",
        "./mesh.yaml": "mesh.yaml",
        str(tmp_path / "mesh.yaml"): "mesh.yaml",
        "/nowhere/a b.yaml": "file:///nowhere/a%20b.yaml",
    }
    for file, uri in files.items():
        (run,) = json.loads(sarif.render(report(finding(file=file)), {}))["runs"]
        (location,) = run["results"][0]["locations"]
        assert location["physicalLocation"]["artifactLocation"] == {"uri": uri}


@pytest.mark.parametrize("file", ["-", ""])
def test_sarif_without_a_file_has_no_physical_place(file):
    (run,) = json.loads(sarif.render(report(finding(file=file, line=0)), {}))["runs"]
    (location,) = run["results"][0]["locations"]

    assert list(location) == ["logicalLocations"]


def test_sarif_links_a_rule_to_its_first_reference():
    pages = {"AMB101": ("Short.", "Page.\n\n- istio/istio pilot\n- https://istio.io/a/ and more\n")}
    (run,) = json.loads(sarif.render(report(finding()), pages))["runs"]
    (rule,) = run["tool"]["driver"]["rules"]

    assert rule["helpUri"] == "https://istio.io/a/"
    assert rule["fullDescription"] == {"text": "Short."}


def test_junit_has_no_character_that_xml_forbids():
    said = junit.render(report(finding()), [("AMB101", "l7-allow-selector-policy")])

    assert "\x1b" not in said
    assert said.count("<failure") == 1


def test_the_inventory_says_what_plays_no_part(tmp_path):
    """Text holds what JSON holds: kinds that are not used are counted."""
    from migrator.adapters.files import read_sources
    from migrator.istio.mesh import Mesh

    file = Path(tmp_path, "mesh.yaml")
    file.write_text("apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: a}\n")
    view = inventory(Mesh(read_sources([str(file)]).snapshot))
    text = "\n".join(line for line, _ in inventory_text.lines(view, 80))

    assert "1 object of kinds that play no part: Widget.example.com 1." in text
