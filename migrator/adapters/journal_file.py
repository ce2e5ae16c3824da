"""The record beside the plan: JSON lines, synced to the disk before anything is done."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from migrator.engine.lines import decode, encode
from migrator.errors import MigrateError
from migrator.model.journal import Entry

SUFFIX = ".journal"


def beside(plan: Path) -> Path:
    """Where the journal of a plan file is."""
    return plan.with_suffix(SUFFIX)


class JournalFile:
    """One file, readable by its owner only; a last line that was cut by a crash is none."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def entries(self) -> tuple[Entry, ...]:
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise _refused(self._path, error) from error
        complete, _, _ = data.rpartition(b"\n")
        return tuple(decode(line) for line in complete.splitlines() if line)

    def append(self, entry: Entry) -> None:
        try:
            new = not self._path.exists()
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "r+b") as file:
                _cut(file)
                file.write(encode(entry).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            if new:
                _sync_folder(self._path.parent)
        except OSError as error:
            raise _refused(self._path, error) from error

    def replace(self, entries: Iterable[Entry]) -> None:
        other = self._path.with_name(self._path.name + ".new")
        try:
            with os.fdopen(
                os.open(other, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb"
            ) as file:
                file.writelines(encode(entry).encode() + b"\n" for entry in entries)
                file.flush()
                os.fsync(file.fileno())
            other.replace(self._path)
            _sync_folder(self._path.parent)
        except OSError as error:
            raise _refused(self._path, error) from error


def _cut(file: BinaryIO) -> None:
    """Go to the end, which is where the last whole line ends."""
    size = file.seek(0, os.SEEK_END)
    if size:
        file.seek(size - 1)
        if file.read(1) != b"\n":
            file.seek(0)
            file.seek(file.read().rfind(b"\n") + 1)
            file.truncate()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refused(path: Path, error: OSError) -> MigrateError:
    return MigrateError(
        f"The journal cannot be kept: {error.strerror or error}",
        detail=f"{path}\nNothing is changed that cannot be recorded first.",
        hint="Make the folder of the plan writable.",
    )
