"""Text from manifests inside Markdown: every character is seen, none is taken as markup."""

import html
import re

from .text import safe

_SPAN = re.compile(r"(`[^`\n]+`)")
_MARKUP = re.compile(r"([\\*<|~])")
_QUOTED = re.compile(r"`+")


def prose(text: str) -> str:
    """A sentence on one line; what stands between backticks stays code.

    Without this `<b>` vanishes from a rendered page, and `*.a and *.b` becomes italics without stars.
    """
    line = _line(text)
    if "`" not in line:
        return _MARKUP.sub(r"\\\1", line)
    parts = _SPAN.split(line)
    return "".join(
        part.replace("|", "\\|") if _SPAN.fullmatch(part) else _MARKUP.sub(r"\\\1", part)
        for part in parts
    )


def code(text: str) -> str:
    """A code span; one with backticks inside gets a longer fence."""
    line = _line(text).replace("|", "\\|")
    if "`" not in line:
        return f"`{line}`"
    fence = "`" * (max(len(run) for run in _QUOTED.findall(line)) + 1)
    return f"{fence} {line} {fence}"


def in_html(text: str) -> str:
    """Text inside an HTML element, where Markdown does not look."""
    return html.escape(_line(text), quote=False)


def fenced(text: str, language: str) -> list[str]:
    """A code block that no line of `text` can end."""
    longest = max(map(len, _QUOTED.findall(text))) if "`" in text else 0
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", safe(text), fence]


def _line(text: str) -> str:
    return safe(text).replace("\n", " ")
