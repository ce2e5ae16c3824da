"""From what a person names (files, folders, `-`) to the files that are read.

Folders are walked down; hidden files and folders are left out, and a file that is reached twice, by
links or by name, is read once.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from migrator.errors import ManifestError
from migrator.model.snapshot import Unread

from .text import UNSAFE, printable

STDIN = "-"
SUFFIXES = (".yaml", ".yml", ".json")
MAX_BYTES = 512 * 1024 * 1024


def find(sources: Sequence[str]) -> Iterator[str | Unread]:
    """Every file to read, in the order of the sources and of the names; ManifestError for a wrong one."""
    seen: set[str] = set()
    for source in sources:
        for found in [source] if source == STDIN else _below(source):
            if isinstance(found, Unread):
                yield found
            elif (real := os.path.realpath(found) if found != STDIN else STDIN) not in seen:
                seen.add(real)
                yield found


def _below(source: str) -> Iterator[str | Unread]:
    try:
        is_folder = stat.S_ISDIR(Path(source).stat().st_mode)
    except FileNotFoundError:
        hint = "Name files or folders that exist, or - for standard input."
        name = printable(source)
        raise ManifestError(f"There is no {name}", path=name, hint=hint) from None
    except (OSError, ValueError) as error:
        yield unreadable(source, error)
        return
    if not is_folder:
        yield source
        return
    found = False
    for one in _walk(source):
        found = True
        yield one
    if not found:
        hint = f"Manifests are files that end in {', '.join(SUFFIXES)}."
        raise ManifestError("The folder holds no manifests", path=printable(source), hint=hint)


def _walk(folder: str) -> Iterator[str | Unread]:
    waiting, visited = [folder], {os.path.realpath(folder)}
    while waiting:
        here = waiting.pop()
        try:
            with os.scandir(here) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            yield unreadable(here, error)
            continue
        folders = []
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if _is_folder(entry):
                if (real := os.path.realpath(entry.path)) not in visited:
                    visited.add(real)
                    folders.append(entry.path)
            elif entry.name.endswith(SUFFIXES):
                yield _named(entry.path)
        waiting.extend(reversed(folders))


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # reading it will say why


def _named(path: str) -> str | Unread:
    try:
        path.encode()
    except UnicodeEncodeError:
        return Unread(printable(path), "the file's name is not UTF-8: rename it")
    if UNSAFE.search(path):
        return Unread(printable(path), "the file's name holds control characters: rename it")
    return path


def unreadable(path: str, error: Exception) -> Unread:
    """A file or folder that the system would not let us read."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return Unread(printable(path), f"cannot be read: {reason}")


def read(path: str, stdin: BinaryIO) -> bytes | Unread:
    """The bytes of a file or pipe, at most `MAX_BYTES`."""
    try:
        if path == STDIN:
            data = stdin.read(MAX_BYTES + 1)
        else:
            with open(path, "rb") as file:  # noqa: PTH123  a Path would normalise what was named
                data = file.read(MAX_BYTES + 1)
    except OSError as error:
        return unreadable(path, error)
    if len(data) > MAX_BYTES:
        limit = MAX_BYTES // 1024 // 1024
        return Unread(path, f"larger than {limit} MiB: save it in parts, one namespace a file")
    return data
