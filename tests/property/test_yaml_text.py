"""Our own YAML is PyYAML's, to the byte, for everything that a plan may hold."""

from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from migrator.planner.file.yaml_text import block

_END = "...\n"  # after a text that ends with empty lines; it says nothing in a file of one document
_WORDS = st.sampled_from(
    [
        "policy", "team-001", "a", "it's", "says:", "#1", "# 1", ": ", ":", "-", "- ", "--- ", "...", "?",
        "*", "&a", "!", "|", ">", "'", '"', "%", "@", "`", "{", "}", "[", "]", ",", "=", "<<", "~", "null",
        "yes", "No", "on", "false", "y", "15008", "1_000", "0x1", "0o7", "1.5", ".inf", "1:30", "2020-01-01",
        "é", "ß", "…", "日本", "😀", "\xa0", "\x85", "\u2028", "\ufeff", "\x7f", "\x00", "\n", "\t", "  ",
    ]
)  # fmt: skip
_SHORT = st.lists(_WORDS, max_size=4).map("".join)
_LONG = st.lists(_WORDS, min_size=15, max_size=40).map(" ".join)
_SENTENCES = st.lists(st.integers(1, 12), min_size=20, max_size=40).map(
    lambda sizes: " ".join("w" * size for size in sizes)
)
_QUOTED = st.tuples(st.sampled_from(["it's: ", "# ", "1 '"]), _SENTENCES).map("".join)
_TEXTS = st.one_of(
    _SHORT, _LONG, _SENTENCES, _QUOTED, st.text(st.characters(codec="utf-8"), max_size=30)
)
_LEAVES = st.one_of(_TEXTS, st.integers(), st.booleans(), st.none(), st.floats(allow_nan=False))


def _within(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.lists(parts, max_size=4), st.dictionaries(st.one_of(_TEXTS, st.integers()), parts, max_size=4)
    )  # fmt: skip


_VALUES = st.recursive(_LEAVES, _within, max_leaves=12)


class _Reference(yaml.CSafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: _Reference, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Reference.add_representer(str, _text)


def _expected(value: Any, *, width: int = 100) -> str:
    return str(
        yaml.dump(value, Dumper=_Reference, sort_keys=False, width=width, allow_unicode=True)
    )


@settings(deadline=None, max_examples=80)
@given(_within(_VALUES))
def test_it_is_what_pyyaml_writes(value: Any) -> None:
    written, expected = block(value), _expected(value)
    assert written in {expected, expected.removesuffix(_END)}


@settings(deadline=None, max_examples=80)
@given(_TEXTS, st.integers(0, 60))
def test_a_text_folds_where_pyyaml_folds_it_at_any_depth(text: str, depth: int) -> None:
    value: Any = text
    for number in range(depth):
        value = [value] if number % 3 else {f"key-{number}": value}
    value = {"top": value}
    written, expected = block(value), _expected(value)
    assert written in {expected, expected.removesuffix(_END)}


@settings(deadline=None, max_examples=80)
@given(st.dictionaries(_TEXTS, _VALUES, min_size=1))
def test_it_is_read_as_what_was_written(value: dict[str, Any]) -> None:
    """As far as PyYAML reads its own text again: it drops a byte order mark at a line's beginning."""
    assert yaml.safe_load(block(value)) == yaml.safe_load(_expected(value))


@settings(deadline=None, max_examples=80)
@given(_within(_VALUES), st.integers(0, 10))
def test_a_part_stands_deeper_with_the_lines_it_would_have_there(value: Any, depth: int) -> None:
    whole: Any = value
    for _ in range(depth):
        whole = {"in": whole}
    if value:
        indent = 2 * max(0, depth - isinstance(value, list))
        lines = _expected(whole).removesuffix(_END).split("\n", depth)[depth]
        if depth or isinstance(value, dict):
            assert block(value, indent).removesuffix(_END) == lines
