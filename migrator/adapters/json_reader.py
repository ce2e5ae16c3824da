"""JSON documents, one or several in a file, and lists one item at a time.

A key that stands twice in one JSON object counts as its last one, as Kubernetes' own decoder has it.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from .text import BadDocument, safe
from .yaml_split import Chunk

_TRAILING = re.compile(r"trailing characters \(byte (\d+)\)\Z")
_AT_BYTE = re.compile(r"(.*) \(byte (\d+)\)\Z")
_BRACE = re.compile(rb"(?:---)?\s*\{")
_BETWEEN = re.compile(rb"[\s,]*")


class _Head(msgspec.Struct):
    """What tells a list from an object, without decoding either."""

    kind: Any = None
    items: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _ListHead(msgspec.Struct):
    kind: str
    apiVersion: Any = ""  # noqa: N815  Kubernetes' name
    metadata: Any = None


class Piece(NamedTuple):
    """One object as text, the line where it begins, and the head of the list that holds it."""

    text: memoryview | msgspec.Raw
    line: int
    parent: dict[str, Any] | None = None


_HEAD = msgspec.json.Decoder(_Head)
_LIST_HEAD = msgspec.json.Decoder(_ListHead)
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])
_ANY = msgspec.json.Decoder()


def is_json(chunk: Chunk) -> bool:
    """Whether a document begins as a JSON object does; YAML in braces begins so too."""
    return _BRACE.match(chunk.text) is not None


def decode(piece: Piece) -> Any:
    """The value of one piece, its nulls left out of mappings."""
    try:
        value = _ANY.decode(piece.text)
        return _without_nulls(value) if b"null" in bytes(piece.text) else value
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _bad(memoryview(piece.text), piece.line, error) from error


def pieces(chunk: Chunk) -> Iterator[Piece]:
    """Every object of `chunk`, the items of lists each on their own; BadDocument where JSON ends."""
    data, line = chunk
    view, at = memoryview(data), data.index(b"{")
    line += data.count(b"\n", 0, at)
    while True:
        begin = _after_space(data, at)
        line += data.count(b"\n", at, begin)
        if begin == len(data):
            return
        at = begin + _length(view[begin:], line)
        yield from _objects(data, Piece(view[begin:at], line), begin)
        line += data.count(b"\n", begin, at)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(one) for key, one in value.items() if one is not None}
    return [_without_nulls(one) for one in value] if isinstance(value, list) else value


def _after_space(data: bytes, at: int) -> int:
    match = _BETWEEN.match(data, at)
    return match.end() if match else at


def _length(text: memoryview, line: int) -> int:
    """How long the first document of `text` is."""
    try:
        _HEAD.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if found := _TRAILING.search(str(error)):
            return int(found[1]) - 1  # it counts the first trailing byte
        raise _bad(text, line, error) from error
    return len(text)


def _bad(text: memoryview, line: int, error: Exception) -> BadDocument:
    if isinstance(error, RecursionError):
        return BadDocument(line, "nested too deeply")
    if isinstance(error, UnicodeDecodeError):
        return BadDocument(line, "not UTF-8 text")
    message, at = str(error), len(bytes(text).rstrip())
    if found := _AT_BYTE.match(message):
        message, at = found[1], int(found[2])
    reason = message.removeprefix("JSON is malformed: ")
    return BadDocument(line + bytes(text[:at]).count(b"\n"), f"not valid JSON: {safe(reason)}")


def _objects(data: bytes, whole: Piece, begin: int) -> Iterator[Piece]:
    head = _HEAD.decode(whole.text)
    is_list = isinstance(head.kind, str) and head.kind.endswith("List")
    if not is_list or head.items is msgspec.UNSET or bytes(memoryview(head.items)[:1]) != b"[":
        yield whole
        return
    parent = msgspec.to_builtins(_LIST_HEAD.decode(whole.text))
    at, line = begin, whole.line
    for item in _ITEMS.decode(head.items):
        start = data.index(item, at) if at == begin else _after_space(data, at)
        line += data.count(b"\n", at, start)
        yield Piece(item, line, parent)
        at = start + len(memoryview(item))
        line += data.count(b"\n", start, at)
