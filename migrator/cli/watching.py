"""A run on a terminal, in a pipe and in CI: what goes on, and questions to a person."""

import sys
from typing import TYPE_CHECKING

from migrator.model.news import News, Question, Topic
from migrator.report import news_text
from migrator.report.text import console, safe, width

if TYPE_CHECKING:
    from rich.status import Status

_AGAIN_SECONDS = 30
_SAFE_POINTS = frozenset({Topic.STEP, Topic.WAITING, Topic.WAVE, Topic.GATE})


class Silent:
    """Says nothing and agrees to everything; for what must be walked before the part that is shown."""

    def tell(self, news: News) -> None:
        """Nobody listens."""

    def ask(self, question: Question) -> bool:  # noqa: ARG002
        return True


class TextWatcher:
    """Everything goes to stderr. With `yes` nobody is asked; what only a person can do is waited for."""

    def __init__(self, *, yes: bool, simulated: bool = False) -> None:
        self._yes = yes
        self._simulated = simulated
        self._console = console(sys.stderr)
        self._last: tuple[str, str, float] = ("", "", 0)
        self._status: Status | None = None
        self._whole = False
        self.stop_asked = False
        self.asking = False

    def tell(self, news: News) -> None:
        """Raises KeyboardInterrupt at a safe point when a person asked to stop."""
        if self.stop_asked and news.topic in _SAFE_POINTS:
            raise KeyboardInterrupt
        if news.topic is Topic.WAITING and self._is_shown_already(news):
            return
        self.close()
        if news.topic is Topic.WAVE:
            self._whole = False
        for text, style in news_text.lines(news, width(), simulated=self._simulated):
            self._print(text, style)

    def ask(self, question: Question) -> bool:
        self.close()
        quiet = question.kind != "instruction" and (self._yes or self._whole)
        if not quiet:
            for text, style in news_text.asked(question, width()):
                self._print(text, style)
        if self._yes or (self._whole and question.kind in {"step", "undo"}):
            return True
        self._console.print(safe(news_text.prompt(question)), end="")
        self.asking = True
        answer = sys.stdin.readline().strip().lower()
        self.asking = False
        self._whole |= answer in {"w", "whole"} and question.kind in {"step", "undo"}
        return self._whole or answer in {"y", "yes"}

    def close(self) -> None:
        """Take the line away that shows what is waited for."""
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _is_shown_already(self, news: News) -> bool:
        """On a terminal one line is kept up to date; elsewhere it is said when it is new, then seldom."""
        if self._console.is_terminal:
            self._spin(news_text.waiting(news))
            return True
        subject, says, shown = self._last
        if (news.subject, news.says) == (subject, says) and news.since - shown < _AGAIN_SECONDS:
            return True
        self._last = (news.subject, news.says, news.since)
        return False

    def _spin(self, text: str) -> None:
        from rich.markup import escape

        shown = escape(safe(text))
        if self._status is None:
            self._status = self._console.status(shown, spinner="line")
            self._status.start()
        else:
            self._status.update(shown)

    def _print(self, text: str, style: str) -> None:
        self._console.print(safe(text), style=style or None)
