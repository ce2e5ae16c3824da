"""Cuts a YAML stream into documents, and a `kind: List` into its items, before anything is parsed.

So that each document has its line, a broken one does not spoil its neighbours, and a list of any length
is read one object at a time.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

_SEPARATOR = re.compile(rb"^(?:---|\.\.\.)(?=[ \t\r\n]|$)", re.MULTILINE)
_BLANK = re.compile(  # possessive: it never goes back, so no comment can make it slow
    rb"(?:\xef\xbb\xbf|\s|#[^\n]*+|%[^\n]*+\n|---(?=\s)|\.\.\.(?=\s|\Z))*+\Z"
)
_BARE_SEPARATOR = re.compile(rb"---[ \t]*(?:#[^\n]*)?\r?\n")
_ITEMS = re.compile(rb"^items:[ \t]*(?:#[^\n]*)?\r?\n(?=( *)- )", re.MULTILINE)
_KIND = re.compile(rb"^kind:[ \t]*[\"']?\w*List[\"']?[ \t\r]*(?:#[^\n]*)?$", re.MULTILINE)
_AFTER_ITEMS = re.compile(rb"^[^\s#-]", re.MULTILINE)
_BOM = b"\xef\xbb\xbf"


class Chunk(NamedTuple):
    """A piece of a file and the line (from 1) where it begins."""

    text: Any  # anything that `bytes` takes
    line: int


def documents(data: bytes, line: int = 1) -> Iterator[Chunk]:
    """Every document that is more than white space and comments."""
    begin = 0
    if b"\n---" not in data and b"\n..." not in data:  # the usual form of JSON, and it may be large
        yield from filter(None, [_chunk(data, 0, len(data), line)])
        return
    for mark in _SEPARATOR.finditer(data):
        if mark.start() > begin:
            chunk = _chunk(data, begin, mark.start(), line)
            if chunk:
                yield chunk
            line += data.count(b"\n", begin, mark.start())
            begin = mark.start()
    chunk = _chunk(data, begin, len(data), line)
    if chunk:
        yield chunk


def _chunk(data: bytes, begin: int, end: int, line: int) -> Chunk | None:
    text = data[begin:end].removeprefix(_BOM)
    if text.startswith(b"..."):
        text = text[3:]
    if _BLANK.match(text):
        return None
    if bare := _BARE_SEPARATOR.match(text):
        return Chunk(text[bare.end() :], line + 1)
    return Chunk(text, line)


class Items(NamedTuple):
    """A list cut into the text around its items, and the items."""

    frame: bytes
    items: tuple[Chunk, ...]


def items(chunk: Chunk) -> Items | None:
    """The items of a list as kubectl prints one; None for anything else.

    A guess from the text alone: when an item then fails to parse, parse the whole document instead.
    """
    text = chunk.text
    head = _ITEMS.search(text)
    if head is None or not _KIND.search(text):
        return None
    begin = head.end()
    end_mark = _AFTER_ITEMS.search(text, begin)
    end = end_mark.start() if end_mark else len(text)
    starts = [m.start() for m in re.finditer(rb"^" + head[1] + rb"- ", text[:end], re.MULTILINE)]
    starts = [start for start in starts if start >= begin]
    line = chunk.line + text.count(b"\n", 0, begin)
    found = []
    for start, stop in zip(starts, [*starts[1:], end], strict=True):
        found.append(Chunk(text[start:stop], line))
        line += text.count(b"\n", start, stop)
    return Items(text[: head.start()] + text[end:], tuple(found))
