"""Manifest files, folders, standard input and saved snapshots, read into one snapshot.

A document that cannot be used becomes an `Unread` of the snapshot, with file and line, and the others are
read; when nothing at all is left, that is a `ManifestError`.
"""

import gc
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO

from migrator.errors import ManifestError
from migrator.model.finding import Finding
from migrator.model.resource import Origin
from migrator.model.snapshot import Snapshot, Unread

from . import snapshot_file
from . import sources as found_in
from .documents import documents
from .locate import Locator
from .objects import Objects
from .text import BadDocument, not_text


class Reading:
    """A snapshot, and where its objects' fields stand in the files, if in any.

    `namespaces` are those that were read, if not all were asked for. `not_looked_at` names resources
    outside of them that play a part and that this user may not read. `cluster` is the identity of
    the cluster that was read, where it is known.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        locator: Locator,
        *,
        namespaces: Sequence[str] = (),
        not_looked_at: Sequence[str] = (),
    ) -> None:
        self.snapshot = snapshot
        self.namespaces = tuple(namespaces)
        self.not_looked_at = tuple(not_looked_at)
        self.cluster = ""
        self._locator = locator

    def locate_all(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """Every finding with its line, in the order given; each file is read once."""
        found = tuple(findings)
        by_place = sorted(range(len(found)), key=lambda i: (found[i].file, found[i].line))
        located = {i: self.locate(found[i]) for i in by_place}
        return tuple(located[i] for i in range(len(found)))

    def locate(self, finding: Finding) -> Finding:
        """`finding` with the file and line where the last existing part of its path stands."""
        subject = self.snapshot.get(finding.subject)
        if subject is None or subject.origin is None:
            return finding
        line = self._locator.line(subject.origin, finding.path)
        return finding.model_copy(update={"file": subject.origin.file, "line": line})


def read_sources(
    sources: Sequence[str], *, default_namespace: str = "default", stdin: BinaryIO | None = None
) -> Reading:
    """Read every source; `default_namespace` is for namespaced objects that name none.

    Raises ManifestError when a source does not exist, or nothing at all could be read.
    """
    reader = _Reader(default_namespace, stdin or sys.stdin.buffer)
    with no_collector():
        for found in found_in.find(sources):
            if isinstance(found, Unread):
                reader.objects.note(found)
            else:
                reader.file(found)
        snapshot = reader.objects.snapshot()
    if not len(snapshot) and not snapshot.unknown:
        raise _nothing(sources, snapshot.unread)
    return Reading(snapshot, reader.locator)


@contextmanager
def no_collector() -> Iterator[None]:
    """Parsed bodies hold no cycles, and looking for some takes longer than the parsing."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _nothing(sources: Sequence[str], unread: Sequence[Unread]) -> ManifestError:
    if not unread:
        where = ", ".join(sources)
        return ManifestError(
            "There are no Kubernetes objects to read", path=where, hint="Name manifest files."
        )
    first, *others = unread
    file, _, line = first.where.rpartition(":")
    more = f" ({len(others)} more could not be read)" if others else ""
    if not line.isdigit():
        file, line = first.where, "0"
    return ManifestError(f"{first.reason}{more}", path=file, line=int(line) or None)


class _Reader:
    def __init__(self, default_namespace: str, stdin: BinaryIO) -> None:
        self._stdin = stdin
        self._texts: dict[str, bytes] = {}
        self.locator = Locator(self._texts)
        self.objects = Objects(default_namespace, self.locator.line)

    def file(self, path: str) -> None:
        data = found_in.read(path, self._stdin)
        if isinstance(data, Unread):
            self.objects.note(data)
            return
        if path == found_in.STDIN:
            self._texts[path] = data
        if snapshot_file.is_snapshot(data):
            self.objects.include(snapshot_file.Saved(data, path))
        elif reason := not_text(data):
            self.objects.refuse(path, reason)
        else:
            for found in documents(data):
                if isinstance(found, BadDocument):
                    self.objects.refuse(Origin(path, found.line), found.reason)
                else:
                    origin = Origin(path, found.line)
                    self.objects.add(found.value, origin, check_text=found.check_text)
