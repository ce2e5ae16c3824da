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
    for block in view.doc.split("\n\n"):
        yield from _block(block, columns)
        yield "", ""
    yield wrap(f"Reads {', '.join(view.reads)}.", "", columns), "dim"


def _block(block: str, columns: int) -> Iterator[Line]:
    """A heading with what follows it: a paragraph, or a list of one line or more each."""
    paragraph: list[str] = []
    for line in block.splitlines():
        if line.startswith("## "):
            yield line.removeprefix("## "), "bold"
        elif line.startswith("- "):
            yield from _paragraph(paragraph, columns)
            paragraph = [line]
        else:
            paragraph.append(line)
    yield from _paragraph(paragraph, columns)


def _paragraph(found: list[str], columns: int) -> Iterator[Line]:
    if found:
        indent = "  " if found[0].startswith("- ") else ""
        yield wrap(" ".join(found), indent, columns, first=""), ""


def index(pages: Iterable[RulePage], columns: int) -> Iterator[Line]:
    """All rules, two lines each."""
    for view in pages:
        yield f"{view.code} {view.rule} ({view.severity})", "bold"
        yield wrap(view.summary, "    ", columns), ""
