"""The line of a field path, found by reading the object's text again, with marks.

Nothing is kept in memory for it: findings are few, objects are many.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from yaml import CSafeLoader, YAMLError, compose
from yaml.nodes import MappingNode, Node, SequenceNode

from migrator.model.fieldpath import parts
from migrator.model.resource import Origin

from . import json_reader, yaml_split
from .text import BadDocument
from .yaml_reader import parse

_MERGE = "<<"
_KEPT = 64  # documents whose marks are kept: findings of a file come one after the other


class Locator:
    """Finds lines in files as they are now; `texts` holds what cannot be read a second time."""

    def __init__(self, texts: Mapping[str, bytes]) -> None:
        self._texts = texts
        self._pieces = lru_cache(maxsize=4)(self._pieces_of)
        self._marks = lru_cache(maxsize=_KEPT)(self._marks_at)

    def line(self, origin: Origin, path: str) -> int:
        """Where the last existing component of `path` stands; the object's own line if unknown."""
        try:
            steps = parts(path)
        except ValueError:
            return origin.line
        marks = self._marks(origin) if steps else None
        if marks is None:
            return origin.line
        first, node = marks
        return first + _walk(node, steps, origin.line - first)

    def _marks_at(self, origin: Origin) -> tuple[int, Node] | None:
        """The object's node, and the line where its document begins."""
        pieces = self._pieces(origin.file)
        at = bisect_right(pieces, origin.line, key=lambda piece: piece.line) - 1
        root = _compose(pieces[at]) if at >= 0 else None
        if root is None:
            return None
        first = pieces[at].line
        node = next(_mappings_at(root, origin.line - first), None)
        return (first, node) if node else None

    def _pieces_of(self, file: str) -> tuple[yaml_split.Chunk, ...]:
        data = self._texts.get(file)
        if data is None:
            try:
                data = Path(file).read_bytes()
            except (OSError, ValueError):
                return ()
        return tuple(_pieces(data))


def _pieces(data: bytes) -> Iterator[yaml_split.Chunk]:
    for chunk in yaml_split.documents(data):
        if json_reader.is_json(chunk):
            yield from _json_pieces(chunk)
        else:
            found = yaml_split.items(chunk)
            yield from found.items if found else (chunk,)


def _json_pieces(chunk: yaml_split.Chunk) -> Iterator[yaml_split.Chunk]:
    try:
        for piece in json_reader.pieces(chunk):
            yield yaml_split.Chunk(piece.text, piece.line)
    except BadDocument:
        yield chunk


def _compose(chunk: yaml_split.Chunk) -> Node | None:
    """The marks of a document that `parse` accepts: composing recurses, so its depth is checked first."""
    text = bytes(chunk.text)
    try:
        parse(text)
        return compose(text, Loader=CSafeLoader)
    except (BadDocument, YAMLError):
        return None


def _mappings_at(node: Node, row: int) -> Iterator[Node]:
    """Mappings that begin on a row, the outermost first, not below an object that began before."""
    if isinstance(node, MappingNode):
        if node.start_mark.line == row:
            yield node
        below = [value for key, value in node.value if key.value == "items"]
    else:
        below = node.value if isinstance(node, SequenceNode) else []
    for one in below:
        yield from _mappings_at(one, row)


def _walk(node: Node, steps: Sequence[str | int], row: int) -> int:
    """The row of the last step that exists."""
    for step in steps:
        if isinstance(node, MappingNode):
            found = _value(node, step)
            if found is None:
                break
            row, node = found
        elif isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            row = node.start_mark.line
        else:
            break
    return row


def _value(node: MappingNode, key: str | int) -> tuple[int, Node] | None:
    for name, value in node.value:
        if name.value == key:
            return name.start_mark.line, value
    for name, value in node.value:
        if name.value == _MERGE:
            sources = value.value if isinstance(value, SequenceNode) else [value]
            for source in sources:
                if isinstance(source, MappingNode) and (found := _value(source, key)):
                    return found
    return None
