"""The inventory of a mesh at one moment: immutable, and the same for any order of input."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import groupby
from typing import NamedTuple

import msgspec

from .resource import GroupKind, Ref, Resource


class Unread(NamedTuple):
    """Something that should have been read and could not be; a result that lacks it is incomplete."""

    where: str  # file:line, a kind, or a folder
    reason: str
    kind: str = ""  # GroupKind as text where the kind is known


class Snapshot:
    """An immutable index of resources by kind and by reference.

    `unread` is what could not be read (then nothing may be called complete), `unknown` counts objects
    of kinds that the tool does not use.
    """

    def __init__(
        self,
        resources: Iterable[Resource],
        *,
        unread: Iterable[Unread] = (),
        unknown: Mapping[str, int] | None = None,
    ) -> None:
        self._by_ref = {r.ref: r for r in sorted(resources, key=lambda r: r.ref)}
        self._by_kind: dict[GroupKind, tuple[Resource, ...]] = {
            GroupKind(*kind): tuple(group)
            for kind, group in groupby(self._by_ref.values(), key=lambda r: r.ref[:2])
        }
        self.unread = tuple(sorted(unread))
        self.unknown: Mapping[str, int] = dict(sorted((unknown or {}).items()))

    def changed(self, changes: Mapping[Ref, Resource | None]) -> "Snapshot":
        """The same, with these objects in place of what was there; None for one that is gone."""
        kept = (r for r in self if r.ref not in changes)
        new = (r for r in changes.values() if r is not None)
        return Snapshot((*kept, *new), unread=self.unread, unknown=self.unknown)

    def __len__(self) -> int:
        return len(self._by_ref)

    def __iter__(self) -> Iterator[Resource]:
        return iter(self._by_ref.values())

    @property
    def complete(self) -> bool:
        return not self.unread

    def of(self, kind: GroupKind) -> tuple[Resource, ...]:
        """Every resource of `kind`, ordered by namespace and name."""
        return self._by_kind.get(kind, ())

    def get(self, ref: Ref) -> Resource | None:
        return self._by_ref.get(ref)

    def counts(self) -> Mapping[GroupKind, int]:
        return Counter({kind: len(found) for kind, found in self._by_kind.items()})

    def digest(self) -> str:
        """SHA-256 over all bodies in the order of their references; files and lines do not count."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        encode = msgspec.json.Encoder(order="deterministic").encode
        total = Digest()
        for resource in self:
            total.add(encode(resource.body))
        return total.text(self.unread)


class Digest:
    """A snapshot's digest, body by body: encoded with sorted keys, in the order of the references."""

    def __init__(self) -> None:
        self._total = hashlib.sha256()

    def add(self, body: bytes) -> None:
        self._total.update(body)
        self._total.update(b"\n")

    def text(self, unread: Iterable[Unread]) -> str:
        """The digest, with the kinds that could not be read."""
        for missing in unread:
            self._total.update(f"unread {missing.kind}\n".encode())
        return f"sha256:{self._total.hexdigest()}"
