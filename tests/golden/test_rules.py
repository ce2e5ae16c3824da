"""Every rule, against its own fixtures. A new rule is picked up by being there."""

import re
from pathlib import Path

import pytest

from migrator.adapters.files import read_sources
from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.versions import Version, parse_version
from migrator.model.finding import Finding
from migrator.model.resource import GroupKind, Ref, Resource
from migrator.model.snapshot import Snapshot
from migrator.rules import all_rules, analyze
from migrator.rules.base import Rule

FIXTURES = Path(__file__).parents[1] / "fixtures" / "rules"
by_id = pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.id())


class Recording(Snapshot):
    """A snapshot that remembers which kinds it was asked for."""

    def __init__(self, other: Snapshot) -> None:
        super().__init__(other, unread=other.unread, unknown=other.unknown)
        self.asked: set[GroupKind] = set()

    def of(self, kind: GroupKind) -> tuple[Resource, ...]:
        self.asked.add(kind)
        return super().of(kind)

    def get(self, ref: Ref) -> Resource | None:
        if ref.group_kind in kinds.KNOWN:
            self.asked.add(ref.group_kind)
        return super().get(ref)


def version_of(file: Path) -> Version | None:
    """The version that a fixture is about: its line `# istio-version: 1.26.0`."""
    match = re.search(r"^# istio-version: (\S+)$", file.read_text(), re.MULTILINE)
    return parse_version(match[1]) if match else None


def findings_of(rule: Rule, file: Path) -> tuple[Finding, ...]:
    reading = read_sources([str(file)])
    assert reading.snapshot.unread == ()
    mesh = Mesh(reading.snapshot, istio_version=version_of(file))
    return tuple(reading.locate(finding) for finding in analyze(mesh, [rule]))


def expected_in(file: Path) -> list[tuple[int, str]]:
    """(line, code) for each code that a line of the fixture expects."""
    return [
        (number, code)
        for number, line in enumerate(file.read_text().splitlines(), start=1)
        if (marker := re.search(r"# expect: ((?:AMB\d+ ?)+)", line))
        for code in marker[1].split()
    ]


@by_id
def test_finds_exactly_what_the_fixture_expects(rule: Rule) -> None:
    """Each `# expect: CODE` of bad.yaml is found on its line, and nothing else."""
    bad = FIXTURES / rule.id() / "bad.yaml"
    expected = expected_in(bad)

    assert expected
    assert sorted((f.line, f.code) for f in findings_of(rule, bad)) == sorted(expected)


@by_id
def test_leaves_the_near_misses_alone(rule: Rule) -> None:
    """good.yaml holds what a naive tool would flag."""
    good = FIXTURES / rule.id() / "good.yaml"

    assert findings_of(rule, good) == ()
    assert len(read_sources([str(good)]).snapshot) > 0


@by_id
def test_reads_what_it_declares(rule: Rule) -> None:
    """A rule that read a kind which it does not declare would give a wrong answer without a word."""
    asked: set[GroupKind] = set()
    for name in ("bad.yaml", "good.yaml"):
        file = FIXTURES / rule.id() / name
        snapshot = Recording(read_sources([str(file)]).snapshot)
        analyze(Mesh(snapshot, istio_version=version_of(file)), [rule])
        asked |= snapshot.asked

    assert asked == rule.inputs


@by_id
def test_explains_itself(rule: Rule) -> None:
    """`migrate explain CODE` and the rule's page are made of the docstring."""
    assert re.findall(r"^## (.+)$", rule.doc(), re.MULTILINE) == ["Why", "Fix", "References"]
    assert rule.summary().endswith(".")
