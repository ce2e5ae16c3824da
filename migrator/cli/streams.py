"""Standard streams as they may be: closed, full, of another encoding, or with nobody reading."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedWriter, FileIO, TextIOWrapper
from pathlib import Path
from typing import TextIO


def prepare() -> None:
    """Make both streams take every text.

    Data is UTF-8 whatever the locale says: JSON and JUnit XML have no other form. What a terminal cannot
    show becomes a question mark there. A stream that was closed takes text and drops it.
    """
    sys.stdout = _buffered(sys.stdout or _nowhere())
    sys.stderr = sys.stderr or _nowhere()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            encoding = None if stream.isatty() else "utf-8"
            stream.reconfigure(encoding=encoding, errors="replace")


def abandon() -> None:
    """Drop what is still buffered for stdout, so that the exit does not fail on it once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show on a terminal that something goes on; the line is gone when it is done."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.markup import escape

    from migrator.report.text import console, safe

    with console(sys.stderr).status(escape(safe(what)), spinner="line"):
        yield


def _buffered(stream: TextIO) -> TextIO:
    """PYTHONUNBUFFERED takes the buffer away, and with it the care for what was written only in part."""
    if isinstance(stream, TextIOWrapper) and isinstance(raw := stream.buffer, FileIO):
        return TextIOWrapper(
            BufferedWriter(raw), encoding=stream.encoding, line_buffering=stream.isatty()
        )
    return stream


def _nowhere() -> TextIOWrapper:
    return Path(os.devnull).open("w", encoding="utf-8")
