"""Text that strangers wrote, made safe to print; and what a document is refused for."""

import re

# C0 without tab and line ends, DEL, C1, and the marks that reorder text on a terminal.
UNSAFE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_UNPRINTABLE = re.compile(f"[\t\n\r]|{UNSAFE.pattern}")
_ESCAPES = re.compile(rb"\\[0abvefxuUN]")
_LONGEST = 80


class BadDocument(Exception):  # noqa: N818  it never leaves this package
    """One document cannot be used; `line` counts from 1 in the whole file."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason


def may_be_unsafe(raw: bytes) -> bool:
    """Whether a document's text can hold, or spell, anything of `UNSAFE`; quick, and often wrong."""
    return not raw.isascii() or b"\x7f" in raw or _ESCAPES.search(raw) is not None


def not_text(data: bytes) -> str:
    """Why a file's bytes are no text at all; empty when they may be."""
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return "UTF-16 text: save it as UTF-8"
    return "a binary file, no manifest" if b"\0" in data else ""


def safe(text: str) -> str:
    """`text` without anything that a terminal would obey, and not endless."""
    shown = printable(text)
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"


def printable(text: str) -> str:
    """`text` without anything that a terminal would obey."""
    return _UNPRINTABLE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape", "backslashreplace").decode("ascii")
