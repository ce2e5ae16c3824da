"""A run on a terminal, in a pipe and in CI: what goes on, and questions to a person."""

import sys
from typing import Protocol

from migrator.model.news import News, Question, Topic
from migrator.report import change_text
from migrator.report.text import console, safe, width, wrap

_AGAIN_SECONDS = 30
_SIGNS = {
    Topic.CHANGED: "  ✓ changed", Topic.HELD: "  · as it should be already", Topic.UNDONE: "  ✓ undone",
    Topic.VERIFIED: "  ✓ verified", Topic.CHECKPOINT: "checkpoint:", Topic.GATE: "gate", Topic.NOTE: "note:",
    Topic.FAILED: "failed:",
}  # fmt: skip
_STYLES = {
    Topic.WAVE: "bold", Topic.VERIFIED: "green", Topic.UNDONE: "green", Topic.CHECKPOINT: "bold green",
    Topic.FAILED: "bold red", Topic.NOTE: "dim", Topic.GATE: "cyan",
}  # fmt: skip


class _Status(Protocol):
    def update(self, status: str) -> None: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...


class TextWatcher:
    """Everything goes to stderr. With `yes` nobody is asked; what only a person can do is then waited for."""

    def __init__(self, *, yes: bool, simulated: bool = False) -> None:
        self._yes = yes
        self._console = console(sys.stderr)
        self._columns = width()
        self._waiting: tuple[str, str, float] = ("", "", 0)
        self._status: _Status | None = None
        self._simulated = simulated
        self._whole_wave = False
        self.stop_asked = False

    def tell(self, news: News) -> None:
        if self.stop_asked and news.topic in {Topic.STEP, Topic.WAITING, Topic.WAVE, Topic.GATE}:
            raise KeyboardInterrupt
        if news.topic is Topic.WAITING:
            self._wait(news)
            return
        self._quiet()
        if news.topic is Topic.WAVE:
            self._whole_wave = False
            mark = " (simulated)" if self._simulated else ""
            self._print("", "")
            self._print(f"WAVE {news.subject}{mark}", "bold")
            self._print(wrap(news.says, "  ", self._columns), "dim")
        elif news.topic is Topic.STEP:
            self._print(f"  [{news.number}/{news.total}] {news.says}", "")
        else:
            words = " ".join(part for part in (_SIGNS[news.topic], _about(news)) if part)
            self._print(words, _STYLES.get(news.topic, ""))

    def ask(self, question: Question) -> bool:
        self._quiet()
        if question.kind == "instruction":
            self._print(
                wrap(f"A person must act: {question.says}", "  ", self._columns), "bold yellow"
            )
            if question.change is None and question.detail:
                self._print(wrap(question.detail, "    ", self._columns), "")
        if question.change is not None and not (self._yes and question.kind != "instruction"):
            if question.kind == "step" and not self._whole_wave:
                self._print(wrap(f"why: {question.detail}", "       ", self._columns), "dim")
            if not self._whole_wave or question.kind == "instruction":
                for text, style in change_text.lines(question.change):
                    self._print(text, style)
        if self._yes or (self._whole_wave and question.kind in {"step", "undo"}):
            return True
        return self._prompt(question)

    def close(self) -> None:
        self._quiet()

    def _prompt(self, question: Question) -> bool:
        words = {
            "step": "Do this? [y]es, [w]hole wave, [N]o: ",
            "undo": "Undo this? [y]es, [w]hole rollback, [N]o: ",
            "instruction": "Done? [y/N]: ",
            "gate": f"{question.says}? [y/N]: ",
            "retry": "Try again? [y/N]: ",
        }
        self._console.print(safe(words[question.kind]), end="")
        answer = sys.stdin.readline().strip().lower()
        if answer in {"w", "whole"} and question.kind in {"step", "undo"}:
            self._whole_wave = True
            return True
        return answer in {"y", "yes"}

    def _wait(self, news: News) -> None:
        subject, says, shown = self._waiting
        text = f"waiting {news.since:.0f} s: {news.says}"
        if self._console.is_terminal:
            self._spin(text)
        elif (news.subject, news.says) != (subject, says) or news.since - shown >= _AGAIN_SECONDS:
            self._waiting = (news.subject, news.says, news.since)
            self._print(wrap(text, "      ", self._columns, first="    … "), "dim")

    def _spin(self, text: str) -> None:
        from rich.markup import escape

        shown = escape(safe(text))
        if self._status is None:
            self._status = self._console.status(shown, spinner="line")
            self._status.start()
        else:
            self._status.update(shown)

    def _quiet(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _print(self, text: str, style: str) -> None:
        self._console.print(safe(text), style=style or None)


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
