"""The text of a file to objects one by one, whatever form it has: YAML or JSON, one or many, or lists."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from . import json_reader, yaml_split
from .text import BadDocument, may_be_unsafe
from .yaml_reader import parse

MAX_BYTES = 8 * 1024 * 1024  # etcd stores no object above 1.5 MiB unless it is told to
_TOO_LARGE = f"larger than {MAX_BYTES // 1024 // 1024} MiB: no Kubernetes object is"
_MAX_LISTS = 4  # a list in a list in a list
_ONE_PAGE = "one page of a longer list (metadata.continue is set): get the whole list"


class Document(NamedTuple):
    """One object, the line where it begins, and whether its text may hold control characters."""

    value: Any
    line: int
    check_text: bool


def documents(data: bytes) -> Iterator[Document | BadDocument]:
    """Every object of `data`; what is broken stands as an error in its place, and the rest goes on."""
    for chunk in yaml_split.documents(data):
        if json_reader.is_json(chunk):
            yield from _json(chunk)
        elif found := yaml_split.items(chunk):
            yield from _split_list(chunk, found)
        else:
            yield from _yaml(chunk)


def _json(chunk: yaml_split.Chunk) -> Iterator[Document | BadDocument]:
    pieces = json_reader.pieces(chunk)
    try:
        first = next(pieces)
    except BadDocument as error:  # a mapping of YAML may begin with a brace as well
        found = tuple(_yaml(chunk))
        yield from (error,) if isinstance(found[0], BadDocument) else found
        return
    yield from _json_piece(first)
    try:
        for piece in pieces:
            yield from _json_piece(piece)
    except BadDocument as error:
        yield error


def _json_piece(piece: json_reader.Piece) -> Iterator[Document | BadDocument]:
    raw = bytes(piece.text)
    if len(raw) > MAX_BYTES:
        yield BadDocument(piece.line, _TOO_LARGE)
        return
    try:
        value = json_reader.decode(piece)
    except BadDocument as error:
        yield error
        return
    document = Document(value, piece.line, may_be_unsafe(raw))
    yield from _item(document, piece.parent, 1) if piece.parent else _opened(document, (), 0)


def _yaml(chunk: yaml_split.Chunk) -> Iterator[Document | BadDocument]:
    if len(chunk.text) > MAX_BYTES:
        yield BadDocument(chunk.line, _TOO_LARGE)
        return
    try:
        parsed = parse(chunk.text, chunk.line)
    except BadDocument as error:
        yield error
        return
    if parsed.value is not None:
        document = Document(parsed.value, parsed.line, may_be_unsafe(chunk.text))
        yield from _opened(document, parsed.item_lines, 0)


def _split_list(
    chunk: yaml_split.Chunk, found: yaml_split.Items
) -> Iterator[Document | BadDocument]:
    """The items one by one; the whole list at once where the cut turns out to be wrong."""
    try:
        head = parse(found.frame, chunk.line).value
    except BadDocument:
        yield from _yaml(chunk)
        return
    yield from _head(head, chunk.line)
    whole: tuple[Document | BadDocument, ...] | None = None
    for index, item in enumerate(found.items):
        read = _one_item(item)
        if isinstance(read, BadDocument) and whole is None:
            whole = tuple(_yaml(chunk))
            if len(whole) > index and not isinstance(whole[0], BadDocument):
                yield from whole[index:]
                return
        yield from (read,) if isinstance(read, BadDocument) else _item(read, head, 1)


def _one_item(item: yaml_split.Chunk) -> Document | BadDocument:
    if len(item.text) > MAX_BYTES:
        return BadDocument(item.line, _TOO_LARGE)
    try:
        parsed = parse(item.text, item.line)
    except BadDocument as error:
        return error
    if not isinstance(parsed.value, list) or len(parsed.value) != 1:
        return BadDocument(item.line, "not valid YAML: an item of a list was expected")
    return Document(parsed.value[0], parsed.line, may_be_unsafe(item.text))


def _opened(
    document: Document, item_lines: tuple[int, ...], depth: int
) -> Iterator[Document | BadDocument]:
    """The document, or what it lists."""
    body = document.value
    kind = body.get("kind") if isinstance(body, dict) else None
    if not isinstance(kind, str) or not kind.endswith("List"):
        yield document
        return
    items = body.get("items")
    if depth >= _MAX_LISTS or not isinstance(items, list | None):
        yield BadDocument(document.line, f"a {kind} whose items are no list of objects")
        return
    yield from _head(body, document.line)
    for index, value in enumerate(items or ()):
        line = item_lines[index] if index < len(item_lines) else document.line
        yield from _item(document._replace(value=value, line=line), body, depth + 1)


def _head(head: Any, line: int) -> Iterator[BadDocument]:
    metadata = head.get("metadata") if isinstance(head, dict) else None
    if isinstance(metadata, dict) and metadata.get("continue"):
        yield BadDocument(line, _ONE_PAGE)


def _item(
    document: Document, head: Mapping[str, Any], depth: int
) -> Iterator[Document | BadDocument]:
    """An item; one of a typed list (PodList) is of the list's own kind, which it does not repeat."""
    value = document.value
    kind = str(head.get("kind", "")).removesuffix("List")
    if kind and isinstance(value, dict) and "kind" not in value:
        value = {"apiVersion": head.get("apiVersion"), "kind": kind, **value}
    yield from _opened(document._replace(value=value), (), depth)
