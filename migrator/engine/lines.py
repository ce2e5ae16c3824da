"""Entries of a record as lines of JSON, and many of them as the cluster keeps them: compressed, in Base64."""

import base64
import gzip
import zlib
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from migrator.errors import MigrateError
from migrator.model.journal import Entry

_GZIP = 31  # wbits: with a header, in which no time stands


def decode(line: str | bytes) -> Entry:
    """One line of a journal. Raises MigrateError when it is none."""
    try:
        return Entry.model_validate_json(line)
    except ValidationError as error:
        raise MigrateError(
            "The record cannot be read",
            detail=f"{error.errors()[0]['msg']}: {str(line)[:80]}",
            hint="Use the version of migrate that wrote it.",
        ) from error


def encode(entry: Entry) -> str:
    """One line of a journal, without its line break."""
    return entry.model_dump_json()


class Packed:
    """A gzip stream of lines. To add an entry costs what it is long, not what all before it are."""

    def __init__(self, entries: Iterable[Entry] = (), stream: Any = None, out: bytes = b"") -> None:
        """`stream` has compressed what comes before, and `out` is what it has given of that."""
        self._stream = stream or zlib.compressobj(wbits=_GZIP)
        self._out = out
        for entry in entries:
            self._out += self._stream.compress(encode(entry).encode() + b"\n")

    def plus(self, entries: Iterable[Entry]) -> "Packed":
        """With these at the end; this one stays as it is."""
        return Packed(entries, self._stream.copy(), self._out)

    def text(self) -> str:
        return base64.b64encode(self._out + self._stream.copy().flush()).decode()


def unpack(text: str) -> list[Entry]:
    """Raises ValueError when `text` is damaged, and MigrateError for lines that are no entries."""
    try:
        lines = gzip.decompress(base64.b64decode(text, validate=True))
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(str(error)) from error
    if not lines:
        message = "it holds nothing"
        raise ValueError(message)
    return [decode(line) for line in lines.splitlines()]
