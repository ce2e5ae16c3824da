"""Text that is safe on a terminal, and readable at any width."""

import shutil
import sys
import textwrap
from typing import TextIO

from rich.console import Console

_WIDE = 100
_PIPE = 80
_NARROW = 40


def safe(text: str) -> str:
    """The text without control characters: a name must not move the cursor or change colours."""
    if text.isprintable() or text.replace("\n", "").isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else "�" for c in text)


def console(stream: TextIO | None = None) -> Console:
    """A console that takes no markup from the text, and no colours without a terminal or with NO_COLOR."""
    out = stream or sys.stdout
    width = None if out.isatty() else _WIDE
    return Console(
        file=out, width=width, highlight=False, markup=False, emoji=False, soft_wrap=True
    )


def width() -> int:
    """Columns to fill: the terminal's (or COLUMNS), at most 100; 80 in a pipe."""
    return max(_NARROW, min(_WIDE, shutil.get_terminal_size((_PIPE, 24)).columns))


def wrap(text: str, indent: str, columns: int, first: str | None = None) -> str:
    """`text` folded at spaces, never inside a word: a name is never cut."""
    return textwrap.fill(
        safe(" ".join(text.split())),
        width=columns,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def plural(number: int, one: str, many: str | None = None) -> str:
    """`1 blocker`, `2 blockers`."""
    return f"{number} {one if number == 1 else many or one + 's'}"
