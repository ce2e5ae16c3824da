"""YAML out of a ConfigMap's text: bad text is unknown, never an error."""

import pytest

from migrator.istio.yamltext import dig, is_true, mapping, parse


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "\x00",
        "{[1]: 2}",
        "? {a: b}\n: c",
        "2001-99-99",
        "!!int ''",
        "!!bool maybe",
        "!!timestamp soon",
        "!!python/object/apply:os.getcwd []",
        "*nobody",
        "[" * 100_000,
        "- " * 5_000 + "a",
        "a: b\n---\nc: d",
    ],
)
def test_what_is_no_yaml_is_unknown(text: str) -> None:
    assert parse(text) is None
    assert mapping(text) == {}


def test_a_list_is_no_mapping() -> None:
    assert parse("[a]") == ["a"]
    assert mapping("[a]") == {}


def test_digs_through_mappings_only() -> None:
    assert dig({"a": {"b": 1}}, "a", "b") == 1
    assert dig({"a": ["b"]}, "a", "b") is None
    assert dig("a", "a") is None


@pytest.mark.parametrize(
    ("value", "on"),
    [
        (True, True),
        ("true", True),
        ("1", True),
        ("T", True),
        (False, False),
        ("yes", False),
        ("", False),
    ],
)
def test_switches_are_read_as_go_reads_them(value: object, on: bool) -> None:  # noqa: FBT001
    assert is_true(value) is on
