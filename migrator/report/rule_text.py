"""A rule's page for a person, and the list of all."""

from collections.abc import Iterable, Iterator

from migrator.model.resource import Frozen
from migrator.rules.base import Rule

from .text import wrap

Line = tuple[str, str]


class RulePage(Frozen):
    """What a rule says of itself."""

    code: str
    rule: str
    severity: str
    remedy: str
    scope: str
    reads: tuple[str, ...]
    summary: str
    doc: str


def page(rule: Rule) -> RulePage:
    return RulePage(
        code=rule.code,
        rule=rule.id(),
        severity=rule.severity.value,
        remedy=rule.remedy.value,
        scope=rule.scope.value,
        reads=tuple(sorted(str(kind) for kind in rule.inputs)),
        summary=rule.summary(),
        doc=rule.doc(),
    )


def lines(view: RulePage, columns: int) -> Iterator[Line]:
    """The page."""
    yield f"{view.code} {view.rule}", "bold"
    yield f"{view.severity}, stops: {view.scope}, remedy: {view.remedy}", "dim"
    yield "", ""
    for line in view.doc.splitlines():
        yield line.removeprefix("## "), "bold" if line.startswith("## ") else ""
    yield "", ""
    yield wrap(f"Reads {', '.join(view.reads)}.", "", columns), "dim"


def index(pages: Iterable[RulePage], columns: int) -> Iterator[Line]:
    """All rules, two lines each."""
    for view in pages:
        yield f"{view.code} {view.rule} ({view.severity})", "bold"
        yield wrap(view.summary, "    ", columns), ""
