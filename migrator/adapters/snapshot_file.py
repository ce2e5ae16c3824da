"""A snapshot as one compressed file: a header line, then one object a line.

The bytes are the same for the same snapshot, and reading checks the digest.
"""

import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from migrator import __version__
from migrator.errors import ManifestError, MigrateError
from migrator.model.resource import Origin, Ref, Resource
from migrator.model.snapshot import Snapshot, Unread

FORMAT = "migrate-snapshot"
VERSION = 1
MAX_BYTES = 2 * 1024 * 1024 * 1024
_MAGIC = b"\x1f\x8b"


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=False):
    """The first line of the file."""

    format: str
    version: int
    tool: str
    digest: str
    objects: int
    unread: tuple[Unread, ...] = ()
    unknown: dict[str, int] = {}


class Line(NamedTuple):
    """One object: its reference, where it was read, its body."""

    ref: Ref
    origin: Origin | None
    body: dict[str, Any]


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
    encoder = msgspec.json.Encoder(order="deterministic")
    header = Header(
        FORMAT, VERSION, __version__, snapshot.digest(), len(snapshot), snapshot.unread,
        dict(snapshot.unknown),
    )  # fmt: skip
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=6, mtime=0, filename="") as file:
        for line in (header, *(Line(r.ref, r.origin, dict(r.body)) for r in snapshot)):
            file.write(encoder.encode(line) + b"\n")
    return out.getvalue()


def load(data: bytes, path: str) -> Snapshot:
    """The snapshot in `data`, checked against its digest; `path` is for messages."""
    try:
        return _checked(data, path)
    except (OSError, EOFError, msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise _damaged(path, str(error)) from error


def _damaged(path: str, why: str) -> ManifestError:
    return ManifestError(
        f"The snapshot is damaged: {why}", path=path, hint="Save it again: migrate scan --save FILE"
    )


def _checked(data: bytes, path: str) -> Snapshot:
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
        header = msgspec.json.decode(file.readline(MAX_BYTES), type=Header)
        if header.format != FORMAT:
            raise ManifestError(
                "A compressed file that is no snapshot of migrate", path=path,
                hint="Unpack it, or save a snapshot: migrate scan --save FILE",
            )  # fmt: skip
        if header.version != VERSION:
            raise ManifestError(
                f"The snapshot has format {header.version}, this tool reads {VERSION}", path=path,
                hint=f"It was written by migrate {header.tool}: use that version, or save it again.",
            )  # fmt: skip
        resources = tuple(_resources(file))
    snapshot = Snapshot(resources, unread=header.unread, unknown=header.unknown)
    if len(snapshot) != header.objects or snapshot.digest() != header.digest:
        raise _damaged(path, "its objects are not those that its header names")
    return snapshot


def _resources(file: gzip.GzipFile) -> Iterator[Resource]:
    decoder = msgspec.json.Decoder(Line)
    left = MAX_BYTES
    for raw in file:
        left -= len(raw)
        if left < 0:
            raise ValueError("too large")
        line = decoder.decode(raw)
        yield Resource(line.ref, line.body, line.origin)
