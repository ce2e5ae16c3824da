"""From parsed documents to resources: lists are opened, identities checked, the rest is sanitised.

What cannot be used is recorded with its place, and the snapshot is then incomplete.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from migrator.istio import kinds
from migrator.istio.schema import shapes
from migrator.model.fieldpath import field
from migrator.model.resource import GroupKind, Origin, Ref, Resource
from migrator.model.snapshot import Snapshot, Unread

from . import owners
from .identity import Misnamed, check_labels, group_kind, identify
from .sanitize import Sanitizer, TooDeepError
from .snapshot_file import Saved
from .text import UNSAFE, safe

_KUSTOMIZE = "kustomize.config.k8s.io"
_encode = msgspec.json.Encoder(order="deterministic").encode


class Objects:
    """Collects the objects of every source.

    `line_of` finds the line of a field path below an object's origin.
    """

    def __init__(
        self,
        default_namespace: str,
        line_of: Callable[[Origin, str], int],
        sanitizer: Sanitizer | None = None,
    ) -> None:
        self._namespace = default_namespace
        self._line_of = line_of
        self._sanitizer = sanitizer or Sanitizer()
        self._found: dict[Ref, Resource] = {}
        self._unread: list[Unread] = []
        self._unknown: Counter[str] = Counter()

    def refuse(self, where: Origin | str | None, reason: str, kind: str = "") -> None:
        """Record something that could not be read."""
        self._unread.append(Unread(_place(where), reason, kind))

    def include(self, saved: Saved) -> None:
        """Everything of a saved snapshot, which passes the same checks again."""
        for body, origin, check_text in saved.objects():
            self.add(body, origin, check_text=check_text)
        self._unread.extend(saved.unread)
        self._unknown.update(saved.unknown)

    def note(self, unread: Unread) -> None:
        self._unread.append(unread)

    def snapshot(self) -> Snapshot:
        """Everything that was added; with a note for each cycle of owners."""
        for ring in owners.cycles(self._found):
            first = self._found[ring[0]].origin
            shown = " → ".join(str(ref) for ref in (*ring, ring[0]))
            self.refuse(first, f"owner references form a cycle: {shown}", str(ring[0].group_kind))
        return self.so_far()

    def so_far(self) -> Snapshot:
        """Everything that was added, as it is in the middle of reading."""
        return Snapshot(self._found.values(), unread=self._unread, unknown=self._unknown)

    def merge(self, others: "Objects") -> None:
        """Everything that `others` collected of kinds that are not here yet."""
        self._found.update(others._found)  # noqa: SLF001  its own class
        self._unread.extend(others._unread)  # noqa: SLF001

    def add(self, body: Any, origin: Origin | None, *, check_text: bool) -> None:
        """One object; `origin` is None when a cluster gave it. With `check_text`, its texts may hold control
        characters.
        """
        if not isinstance(body, dict):
            self.refuse(origin, f"no Kubernetes object: {_what(body)} where a mapping should be")
            return
        kind = GroupKind("", "")
        try:
            kind = group_kind(body)
            if kind in kinds.KNOWN:
                self._keep(self._resource(kind, body, origin, check_text=check_text))
            else:
                self._count(kind)
        except Misnamed as error:
            at = origin and origin._replace(line=self._line_of(origin, error.path))
            self.refuse(at or _named(kind, body), error.reason, str(kind))

    def _count(self, kind: GroupKind) -> None:
        if kind.group == _KUSTOMIZE:
            raise Misnamed(
                "instructions for kustomize, no objects: render them (kubectl kustomize …)"
            )
        self._unknown[str(kind)] += 1

    def _resource(
        self, kind: GroupKind, body: dict[str, Any], origin: Origin | None, *, check_text: bool
    ) -> Resource:
        ref = identify(kind, body, self._namespace)
        if misfit := shapes.misfit(kind, body):
            raise Misnamed(f"{misfit} in {ref}", misfit.path)
        try:
            kept = self._sanitizer.sanitize(kind, body)
        except TooDeepError:
            raise Misnamed(f"{ref} is nested too deeply") from None
        _name(kept["metadata"], ref)
        check_labels(kept["metadata"].get("labels") or {}, "metadata", "labels")
        if check_text and (path := next(_unsafe(kept), None)) is not None:
            raise Misnamed(f"control characters in {field(*path)} of {ref}", field(*path))
        return Resource(ref, kept, origin)

    def _keep(self, resource: Resource) -> None:
        other = self._found.get(resource.ref)
        if other is None:
            self._found[resource.ref] = resource
            return
        first, second = sorted((other, resource), key=_rank)
        self._found[resource.ref] = first
        reason = (
            f"{resource.ref} stands in {_place(first.origin or 'a cluster')} too: keep one of them"
        )
        self.refuse(second.origin or str(second.ref), reason, str(resource.ref.group_kind))


def _place(where: Origin | str | None) -> str:
    return f"{where.file}:{where.line}" if isinstance(where, Origin) else where or "?"


def _named(kind: GroupKind, body: Mapping[str, Any]) -> str:
    """An object of a cluster that could not be used."""
    metadata = body.get("metadata") or {}
    parts = (kind.kind, metadata.get("namespace"), metadata.get("name"))
    return safe("/".join(str(part) for part in parts if part))


def _rank(resource: Resource) -> tuple[bytes, Origin]:
    """Which of two objects of the same name is kept does not depend on the order of reading."""
    return _encode(resource.body), resource.origin or Origin("", 0)


def _name(metadata: dict[str, Any], ref: Ref) -> None:
    if ref.namespace:
        metadata["namespace"] = ref.namespace
    else:
        metadata.pop("namespace", None)


def _what(body: Any) -> str:
    if isinstance(body, str):
        return f"the text {safe(body)!r}"
    return "a list" if isinstance(body, list) else f"{body!r}"


def _unsafe(value: Any) -> Iterator[tuple[str | int, ...]]:
    """The paths of texts, keys among them, that a terminal would obey."""
    if isinstance(value, str):
        if UNSAFE.search(value):
            yield ()
        return
    for key, one in value.items() if isinstance(value, dict) else _indexed(value):
        if isinstance(key, str) and UNSAFE.search(key):
            yield ()
        for path in _unsafe(one):
            yield (key, *path)


def _indexed(value: Any) -> Iterator[tuple[int, Any]]:
    return enumerate(value) if isinstance(value, list) else enumerate(())
