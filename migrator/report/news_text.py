"""What a run says, as lines for a terminal or a log."""

from collections.abc import Iterator

from migrator.model.news import News, Question, Topic

from . import change_text
from .text import wrap

Line = tuple[str, str]
_SIGNS = {
    Topic.CHANGED: "  ✓ changed", Topic.HELD: "  · as it should be already",
    Topic.UNDONE: "  ✓ undone", Topic.VERIFIED: "  ✓ verified", Topic.CHECKPOINT: "checkpoint:",
    Topic.GATE: "gate", Topic.NOTE: "note:", Topic.FAILED: "failed:",
}  # fmt: skip
_STYLES = {
    Topic.VERIFIED: "green", Topic.UNDONE: "green", Topic.CHECKPOINT: "bold green",
    Topic.FAILED: "bold red", Topic.NOTE: "dim", Topic.GATE: "cyan",
}  # fmt: skip


def lines(news: News, columns: int, *, simulated: bool) -> Iterator[Line]:
    """One piece of news; a wave begins with an empty line and its goal."""
    match news.topic:
        case Topic.WAVE:
            yield "", ""
            yield f"WAVE {news.subject}{' (simulated)' if simulated else ''}", "bold"
            yield wrap(news.says, "  ", columns), "dim"
        case Topic.STEP:
            yield f"  [{news.number}/{news.total}] {news.says}", ""
        case Topic.WAITING:
            yield wrap(waiting(news), "      ", columns, first="    … "), "dim"
        case topic:
            yield f"{_SIGNS[topic]} {_about(news)}".rstrip(), _STYLES.get(topic, "")


def waiting(news: News) -> str:
    """What is being waited for, and for how long already."""
    return f"waiting {news.since:.0f} s: {news.says}"


def asked(question: Question, columns: int) -> Iterator[Line]:
    """What a person must see before an answer: the reason and the exact change, or what to do."""
    if question.kind == "instruction":
        yield wrap(f"A person must act: {question.says}", "  ", columns), "bold yellow"
    if question.detail:
        yield wrap(question.detail, "       ", columns, first="  why: "), "dim"
    if question.change is not None:
        yield from change_text.lines(question.change)


def prompt(question: Question) -> str:
    """The question itself, with the letters of its answers."""
    match question.kind:
        case "step":
            return "Do this? [y]es, [w]hole wave, [N]o: "
        case "undo":
            return "Undo this? [y]es, [w]hole rollback, [N]o: "
        case "instruction":
            return "Done? [y/N]: "
        case "retry":
            return "Try again? [y/N]: "
        case _:
            return f"{question.says.rstrip('?.')}? [y/N]: "


def _about(news: News) -> str:
    match news.topic:
        case Topic.GATE:
            return f"{news.subject}: {news.says}"
        case Topic.CHECKPOINT:
            return news.subject
        case Topic.NOTE | Topic.FAILED:
            return news.says
        case _:
            return ""
