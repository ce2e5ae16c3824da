"""One YAML document to plain values, by libyaml's events.

The loop keeps its own stack, so no nesting can exhaust the interpreter's; what aliases expand to is
counted before anything walks it. A key that stands twice in one mapping is an error.
"""

from typing import Any, NamedTuple

from yaml._yaml import CParser
from yaml.error import MarkedYAMLError, YAMLError
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    DocumentStartEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from . import scalars
from .text import BadDocument, safe

MAX_DEPTH = 100
_SPARE_NODES = 10_000  # what aliases may add to a short document
_MERGE = "<<"
_TAGS = "tag:yaml.org,2002:"
_COLLECTIONS = frozenset({"!", f"{_TAGS}map", f"{_TAGS}seq"})
_TEXT = frozenset({str})
_INNER = range(3, MAX_DEPTH)  # depths at which entering a collection needs no thought


class Parsed(NamedTuple):
    """A document, the line of its first key, and the lines of what is below its key `items`."""

    value: Any
    line: int
    item_lines: tuple[int, ...]


def parse(text: bytes, line: int = 1) -> Parsed:
    """The document in `text`, which begins at `line` of its file; None for an empty one.

    Nulls in mappings are left out, as Kubernetes treats them as absent.
    """
    try:
        return _Document(text, line).read()
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        row = mark.line if mark else 0
        problem = error.problem or error.context or "unreadable"
        if b"\t" in b"".join(text.splitlines()[row : row + 1]):
            problem += "; indent with spaces, never with tabs"
        raise BadDocument(line + row, _explain(text, problem)) from error
    except YAMLError as error:  # a byte that no YAML file may hold
        at = line + text.count(b"\n", 0, getattr(error, "position", 0) or 0)
        reason = safe(getattr(error, "reason", ""))
        what = "not UTF-8 text" if "UTF-8" in reason else "not valid YAML"
        raise BadDocument(at, f"{what}: {reason}") from error


def _explain(text: bytes, problem: str) -> str:
    reason = f"not valid YAML: {safe(problem)}"
    if b"{{" in text:
        return f"{reason}; it looks like a template: render it first (helm template …)"
    return reason


class _Document:
    def __init__(self, text: bytes, line: int) -> None:
        self._next = CParser(text).get_event
        self._text = text
        self._first = line
        self._anchors: dict[str, Any] = {}
        self._measured: dict[int, tuple[int, int]] = {}
        self._budget = len(text) + _SPARE_NODES
        self._item_lines: list[int] = []

    def read(self) -> Parsed:
        self._next()  # the stream begins
        if type(self._next()) is not DocumentStartEvent:
            return Parsed(None, self._first, ())
        first = self._next()
        line = self._line(first)
        value = self._node(first)
        self._next()  # the document ends
        after = self._next()
        if type(after) is not StreamEndEvent:
            raise BadDocument(self._line(after), "not valid YAML: text after the document's end")
        return Parsed(value, line, tuple(self._item_lines))

    def _node(self, event: Any) -> Any:
        """Every open collection is a flat list; a mapping's keys and values alternate in it."""
        resolve = scalars.plain
        into: list[Any] = []
        stack: list[tuple[Any, list[Any]]] = []
        while True:
            kind = type(event)
            if kind is ScalarEvent:
                plain, quoted = event.implicit
                if event.anchor or not (plain or quoted):
                    into.append(self._marked(event))
                else:
                    into.append(resolve(event.value) if plain else event.value)
            elif kind is AliasEvent:
                into.append(self._alias(event, len(stack)))
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                if len(stack) not in _INNER:
                    self._enter(event, len(stack), into)
                stack.append((event, into))
                into = []
            else:
                start, outer = stack.pop()
                outer.append(self._closed(start, into, event))
                into = outer
            if not stack:
                return into[0]
            event = self._next()

    def _marked(self, event: Any) -> Any:
        """A scalar with an anchor or a tag."""
        plain, quoted = event.implicit
        value = scalars.plain(event.value) if plain else event.value
        if not plain and not quoted:
            value = self._tagged(event)
        if event.anchor:
            self._anchors[event.anchor] = value
        return value

    def _tagged(self, event: Any) -> Any:
        name = event.tag.removeprefix(_TAGS)
        if name in {"str", "!"}:
            return event.value
        if name in {"int", "float", "bool", "null"}:
            return scalars.plain(event.value)
        raise self._unsupported(event)

    def _unsupported(self, event: Any) -> BadDocument:
        name = event.tag.replace(_TAGS, "!!")
        return BadDocument(self._line(event), f"the YAML tag {safe(name)} is not supported")

    def _enter(self, event: Any, depth: int, into: list[Any]) -> None:
        if depth >= MAX_DEPTH:
            raise BadDocument(self._line(event), f"nested deeper than {MAX_DEPTH} levels")
        if depth == 1 and into and into[-1] == "items":
            self._item_lines.clear()
        elif depth == 2:
            self._item_lines.append(self._line(event))

    def _alias(self, event: Any, depth: int) -> Any:
        if event.anchor not in self._anchors:
            reason = f"the alias *{safe(event.anchor)} names nothing that is complete before it"
            raise BadDocument(self._line(event), reason)
        value = self._anchors[event.anchor]
        size, height = self._measure(value)
        self._budget -= size
        if self._budget < 0 or depth + height > MAX_DEPTH:
            raise BadDocument(self._line(event), "its aliases expand to far more than its text")
        return value

    def _measure(self, value: Any) -> tuple[int, int]:
        """How many nodes `value` expands to (long text counts more), and how deep it is."""
        if not isinstance(value, dict | list):
            return 1 + (len(value) // 16 if isinstance(value, str) else 0), 0
        if id(value) not in self._measured:
            below = value.values() if isinstance(value, dict) else value
            sizes = [self._measure(one) for one in below]
            height = max((one[1] for one in sizes), default=0)
            self._measured[id(value)] = 1 + sum(one[0] for one in sizes), 1 + height
        return self._measured[id(value)]

    def _closed(self, start: Any, into: list[Any], end: Any) -> Any:
        value = into if type(start) is SequenceStartEvent else self._mapping(into, end)
        if start.tag and start.tag not in _COLLECTIONS:
            raise self._unsupported(start)
        if start.anchor:
            self._anchors[start.anchor] = value
        return value

    def _mapping(self, flat: list[Any], end: Any) -> dict[str, Any]:
        pairs = iter(flat)
        try:
            found = dict(zip(pairs, pairs, strict=True))
        except TypeError:
            reason = _explain(self._text, "a mapping's key must be text")
            raise BadDocument(self._line(end), reason) from None
        if len(found) * 2 != len(flat):
            raise self._twice(flat[::2])
        if not _TEXT.issuperset(map(type, found)):
            found = {_key_text(key): value for key, value in found.items()}
        if _MERGE in found:
            found = self._merged(found, end)
        if None in found.values():
            return {key: value for key, value in found.items() if value is not None}
        return found

    def _merged(self, found: dict[str, Any], end: Any) -> dict[str, Any]:
        sources = found.pop(_MERGE)
        merged: dict[str, Any] = {}
        for source in reversed(sources if isinstance(sources, list) else [sources]):
            if not isinstance(source, dict):
                raise BadDocument(self._line(end), "not valid YAML: `<<` must name a mapping")
            merged |= source
        return merged | found

    def _twice(self, keys: list[Any]) -> BadDocument:
        key = next(key for i, key in enumerate(keys) if key in keys[:i])
        line = self._first + _repeated_key(self._text)
        return BadDocument(line, f"the key {safe(str(key))} stands twice in a mapping")

    def _line(self, event: Any) -> int:
        return self._first + _row(event)


def _row(event: Any) -> int:
    return int(event.start_mark.line)


def _key_text(key: object) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def _repeated_key(text: bytes) -> int:
    """The line (from 0) of the first key that its mapping has already."""
    parser: Any = CParser(text)
    open_: list[tuple[set[str] | None, list[bool]]] = []
    while True:
        event = parser.get_event()
        if isinstance(event, CollectionEndEvent):
            open_.pop()
        elif isinstance(event, NodeEvent) and open_:
            seen, is_key = open_[-1]
            if seen is not None and is_key[0] and isinstance(event, ScalarEvent):
                if event.value in seen:
                    return _row(event)
                seen.add(event.value)
            is_key[0] = not is_key[0]
        if isinstance(event, MappingStartEvent | SequenceStartEvent):
            open_.append((set() if isinstance(event, MappingStartEvent) else None, [True]))
        if isinstance(event, StreamEndEvent):
            return 0
