"""The rules as a catalogue: codes, names, folders, pages."""

import re
from collections import Counter
from pathlib import Path

import pytest

from migrator.rules import all_rules
from migrator.rules.base import Rule
from tools.catalogue import CURES, RESERVED, SUBJECTS, read_reserved

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests" / "fixtures" / "rules"
PAGES = ROOT / "docs" / "rules"
by_id = pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.id())


def test_codes_and_names_are_unique() -> None:
    codes = Counter(rule.code for rule in all_rules())
    names = Counter(rule.id() for rule in all_rules())

    assert [code for code, times in codes.items() if times > 1] == []
    assert [name for name, times in names.items() if times > 1] == []


def test_reserved_codes_are_free() -> None:
    """A reserved code or name belongs to a rule that does not exist yet, and to one only."""
    reserved = read_reserved()
    taken = {rule.code for rule in all_rules()} | {rule.id() for rule in all_rules()}

    assert len(reserved) == len(set(reserved.values()))
    assert [pair for pair in reserved.items() if taken & set(pair)] == []
    assert RESERVED.read_text().splitlines() == [f"{c}  {n}" for c, n in sorted(reserved.items())]


@by_id
def test_lives_in_the_folder_of_its_code(rule: Rule) -> None:
    """AMB1xx is in authz/, and so on; one rule a module."""
    folder = type(rule).__module__.split(".")[2]

    assert re.fullmatch(r"AMB\d{3}", rule.code)
    assert SUBJECTS[folder] == rule.code[3]
    assert [r.id() for r in all_rules() if type(r).__module__ == type(rule).__module__] == [
        rule.id()
    ]


@by_id
def test_name_passes_the_allow_test(rule: Rule) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)+", rule.id())
    assert not rule.id().startswith(CURES)


@by_id
def test_has_two_fixtures_and_a_page(rule: Rule) -> None:
    assert (FIXTURES / rule.id() / "bad.yaml").is_file()
    assert (FIXTURES / rule.id() / "good.yaml").is_file()
    assert (PAGES / f"{rule.id()}.md").is_file()


def test_no_fixture_and_no_page_is_left_over() -> None:
    names = {rule.id() for rule in all_rules()}

    assert {folder.name for folder in FIXTURES.iterdir()} - names == set()
    assert {page.stem for page in PAGES.glob("*.md")} - names == {"README"}


def test_module_docstrings_begin_with_the_code() -> None:
    """The first line of a rule's file says which rule it is."""
    wrong = [
        rule.id()
        for rule in all_rules()
        if not (ROOT / f"{type(rule).__module__.replace('.', '/')}.py")
        .read_text()
        .startswith(f'"""{rule.code}')
    ]

    assert wrong == []
