"""A snapshot as one compressed file: a header line, then one object a line.

The bytes are the same for the same snapshot. Reading checks the digest, which finds damage; against
malice, objects pass the same checks as those of any other file.
"""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from migrator import __version__
from migrator.errors import ManifestError, MigrateError
from migrator.model.resource import Origin
from migrator.model.snapshot import Digest, Snapshot, Unread

from .text import may_be_unsafe, printable, safe

FORMAT = "migrate-snapshot"
VERSION = 1
MAX_BYTES = 2 * 1024 * 1024 * 1024
_MAGIC = b"\x1f\x8b"
_AGAIN = "Save it again: migrate scan --save FILE"


class Header(msgspec.Struct, frozen=True):
    """The first line of the file."""

    format: str
    version: int
    tool: str
    digest: str = ""
    objects: int = 0
    unread: tuple[Unread, ...] = ()
    unknown: dict[str, int] = {}


class Line(msgspec.Struct, frozen=True):
    """One object, and where it was read when the snapshot was taken."""

    body: msgspec.Raw
    file: str = ""
    line: int = 0


class SavedObject(NamedTuple):
    """One object as any reader gives it."""

    body: Any
    origin: Origin | None
    check_text: bool


def is_snapshot(data: bytes) -> bool:
    """Whether the bytes are compressed, as only a saved snapshot is."""
    return data.startswith(_MAGIC)


def save(snapshot: Snapshot, path: Path) -> None:
    """Write `snapshot` to `path`."""
    try:
        path.write_bytes(dump(snapshot))
    except OSError as error:
        summary = f"The snapshot cannot be written: {error.strerror}"
        raise MigrateError(summary, detail=str(path)) from error


def dump(snapshot: Snapshot) -> bytes:
    """The bytes of the file."""
    encode = msgspec.json.Encoder(order="deterministic").encode
    header = Header(
        FORMAT, VERSION, __version__, snapshot.digest(), len(snapshot), snapshot.unread,
        dict(snapshot.unknown),
    )  # fmt: skip
    out = io.BytesIO()
    with gzip.GzipFile("", "wb", compresslevel=5, fileobj=out, mtime=0) as file:
        file.write(encode(header) + b"\n")
        for resource in snapshot:
            origin = resource.origin or Origin("", 0)
            line = Line(msgspec.Raw(encode(resource.body)), origin.file, origin.line)
            file.write(encode(line) + b"\n")
    return out.getvalue()


class Saved:
    """A file that was saved: read its objects to the end, then its digest has been checked."""

    def __init__(self, data: bytes, path: str) -> None:
        self._file = gzip.GzipFile(fileobj=io.BytesIO(data))
        self._path = path
        with self._damage():
            self._header = _header(self._file.readline(MAX_BYTES), path)
        self.unread = tuple(Unread(*map(printable, one)) for one in self._header.unread)
        self.unknown = {printable(kind): n for kind, n in self._header.unknown.items()}

    def objects(self) -> Iterator[SavedObject]:
        """Every object; ManifestError at the end if they are not those that were saved."""
        decode = msgspec.json.Decoder(Line).decode
        digest, left = Digest(), MAX_BYTES
        with self._damage():
            for text in self._file:
                left -= len(text)
                if left < 0:
                    raise _damaged(self._path, f"larger than {MAX_BYTES // 1024**3} GiB")
                line = decode(text)
                body = bytes(line.body)
                digest.add(body)
                origin = Origin(printable(line.file), line.line) if line.file else None
                yield SavedObject(msgspec.json.decode(body), origin, may_be_unsafe(body))
        if digest.text(self._header.unread) != self._header.digest:
            raise _damaged(self._path, "its objects are not those that it was saved with")

    @contextmanager
    def _damage(self) -> Iterator[None]:
        try:
            yield
        except (OSError, EOFError, zlib.error, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise _damaged(self._path, safe(str(error))) from error


def _damaged(path: str, why: str) -> ManifestError:
    return ManifestError(f"The snapshot is damaged: {why}", path=path, hint=_AGAIN)


def _header(line: bytes, path: str) -> Header:
    try:
        header = msgspec.json.decode(line, type=Header)
    except msgspec.DecodeError:
        header = Header("", 0, "")
    if header.format != FORMAT:
        hint = "Unpack it first, or save a snapshot: migrate scan --save FILE"
        raise ManifestError("A compressed file that is no snapshot", path=path, hint=hint)
    if header.version != VERSION:
        raise ManifestError(
            f"The snapshot has format {header.version}, and this tool reads {VERSION}", path=path,
            hint=f"It was written by migrate {safe(header.tool)}: use that version. {_AGAIN}",
        )  # fmt: skip
    return header
