"""The fast reader of plan files says what PyYAML says, or that it does not know; edited files too."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from migrator.planner.file import yaml_lines
from migrator.planner.file.yaml_lines import Unusual, read
from migrator.planner.file.yaml_text import block

EXAMPLES = sorted(Path("plans/examples").glob("*/plan.yaml"))
_WORDS = st.sampled_from(
    [
        "policy", "it's", "a", "team-1", "'", '"', ":", "#", "- x", "x: y", "15008", "true", "no", "null",
        "~", "*", "/api/*", "{}", "[]", "|", ">", "&a", "2020-01-01", "é", "1.5", "\n", "!", "%", "@", "?",
        ",", "=", "a sentence of some words", "and more of it, which does not fit on one line", "\u2028",
    ]
)  # fmt: skip
_TEXTS = st.one_of(
    st.lists(_WORDS, max_size=3).map("".join), st.lists(_WORDS, min_size=4, max_size=12).map(" ".join)
)  # fmt: skip
_LEAVES = st.one_of(_TEXTS, st.integers(-1, 20_000), st.booleans(), st.none())
_KEYS = st.sampled_from(
    ["name", "says", "istio.io/mode", "goal", "steps", "why", "kind", "path", "_x", "no"]
)
_VALUES = st.recursive(
    _LEAVES,
    lambda parts: st.one_of(st.lists(parts, max_size=3), st.dictionaries(_KEYS, parts, max_size=3)),
    max_leaves=10,
)
_LINES = st.sampled_from(
    [
        "# c", "x: y", "- a", "- x: y", "x: |", "text", '"', 'x: "a', "x: 'a", "'", "&a", "x: &a 1", "y: *a",
        "? a", ": b", "", "---", "...", "a: b: c", "a: b #c", "x: [1,", "2]", "x: {a: 1}", "x:", "no: yes",
        "1: 2", "- - a", "<<: {a: 1}", "-", "x: -", "x: !!str 1", '"x": 1', "'x': 1", 'x: "a\\', "=: 1",
        "x: 0o7", "x: 1:30", "x : y", "x:y", "x:  y", "-  a", "- # c", "x: # c", "x: | # c", "x: |2", "x: >+",
        "\tx: 1", "x: [[", "%YAML 1.1",
    ]
)  # fmt: skip
_PIECES = st.sampled_from(
    ["'", '"', ":", ": ", ": ", " #", " #", "#", "-", "- ", " ", "[", "]", "{", "}", "&", "*", "|", ">",
     "%", "!", "?", "\n", "\n  ", "\n\n", "\t"]
)  # fmt: skip
_PLACES = st.floats(0, 1, exclude_max=True)


def _with_line(lines: list[str], edit: Any) -> None:
    at, text, deeper = int(edit[0] * len(lines)), edit[1], edit[2]
    indent = len(lines[at]) - len(lines[at].lstrip(" "))
    lines.insert(at, " " * max(0, indent + deeper) + text)


def _without_line(lines: list[str], edit: Any) -> None:
    del lines[int(edit[0] * len(lines))]


def _moved(lines: list[str], edit: Any) -> None:
    at = int(edit[0] * len(lines))
    text = lines[at].lstrip(" ")
    lines[at] = " " * max(0, len(lines[at]) - len(text) + edit[2]) + text


def _with_piece(lines: list[str], edit: Any) -> None:
    at = int(edit[0] * len(lines))
    column = int(edit[3] * (len(lines[at]) + 1))
    lines[at] = lines[at][:column] + edit[4] + lines[at][column:]


_EDITS = st.lists(
    st.tuples(
        st.sampled_from([_with_line, _without_line, _moved, *[_with_piece] * 4]),
        st.tuples(_PLACES, _LINES, st.sampled_from([0, 0, 2, -2, 1]), _PLACES, _PIECES),
    ),
    min_size=1,
    max_size=3,
)


def _by_pyyaml(text: str) -> Any:
    try:
        return yaml.load(text, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError):
        return Unusual


def _by_lines(text: str) -> Any:
    try:
        return read(text)
    except Unusual:
        return None


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_the_examples_are_read_without_another_parser(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert read(text) == yaml.safe_load(text)


@settings(deadline=None, max_examples=400)
@given(st.dictionaries(_KEYS, _VALUES, min_size=1, max_size=3), _EDITS)
def test_what_it_reads_of_an_edited_file_is_what_pyyaml_reads(data: Any, edits: Any) -> None:
    lines = block(data).split("\n")
    for edit, how in edits:
        if lines:
            edit(lines, how)
    text = "\n".join(lines)

    found = _by_lines(text)

    assert found is None or repr(found) == repr(_by_pyyaml(text))


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("acknowledged: true # by Ann", {"acknowledged": True}),
        ("says: >\n  folded\n  text", {"says": "folded text\n"}),
        ('says: "quoted \\u00e9"', {"says": "quoted é"}),
        ("rules: [AMB101, AMB102]", {"rules": ["AMB101", "AMB102"]}),
        ("# a note\nname: a\n\n# another\ngoal: b", {"name": "a", "goal": "b"}),
    ],
)
def test_what_people_write_is_read_without_giving_up(line: str, value: Any) -> None:
    assert read(line + "\n") == value


@pytest.mark.parametrize(
    "text",
    [
        "a: &x 1\nb: *x\n", "? a\n: b\n", "---\na: b\n", "a: b", "no: x\n", "a: 1\n\tb: 2\n", "a: b: c\n",
        "", "a:\n", "a: " + "[" * 500 + "\n",
    ],
)  # fmt: skip
def test_it_knows_what_it_does_not_know(text: str) -> None:
    with pytest.raises(Unusual):
        read(text)


def test_a_shared_value_is_not_shared_by_two_places() -> None:
    found = yaml_lines.load("a: [1]\nb: [1]\n")

    found["a"].append(2)

    assert found["b"] == [1]
