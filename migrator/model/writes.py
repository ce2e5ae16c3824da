"""What a step writes, field by field; and with that what to record before it and how to undo it.

Every kind of step says only this. Capturing, applying, recognising a foreign change and undoing follow
from it, in one way for all kinds.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .journal import FieldImage
from .resource import Frozen

Path = tuple[str, ...]
Body = Mapping[str, Any]
MANAGED_BY = "app.kubernetes.io/managed-by"
_SERVER_SIDE = (
    "uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink",
    "deletionTimestamp", "deletionGracePeriodSeconds",
)  # fmt: skip


class Write(Frozen):
    """The field at `path` gets `value`; null removes it. `old` is what the plan was made from.

    The empty path is the whole object: it is created, or with null deleted. `any_old` is for fields
    whose old value nobody plans with, such as the time of the last restart.
    """

    path: Path
    value: Any = None
    old: Any = None
    any_old: bool = False


def at(body: Body | None, path: Path) -> Any:
    """The value at `path`; None when it is absent. The whole object, for the empty path."""
    found: Any = body
    for part in path:
        if not isinstance(found, Mapping):
            return None
        found = found.get(part)
    return found


def image(live: Body | None, writes: Sequence[Write]) -> tuple[FieldImage, ...]:
    """The fields that `writes` touch, as they are now: what an undo needs."""
    return tuple(
        FieldImage(path=w.path, value=_kept(at(live, w.path), w.path), depth=_depth(live, w.path))
        for w in writes
    )


def written(live: Body | None, writes: Sequence[Write]) -> Body | None:
    """The object with every write done; None when it is deleted, or was never there."""
    return _with(live, [(w.path, w.value) for w in writes])


def restored(live: Body | None, fields: Sequence[FieldImage]) -> Body | None:
    """The object with every field as it was captured; a whole one that is there again stays as it is."""
    missing = [f for f in fields if f.path or not _is(live, f.value, f.path)]
    result = _with(live, [(f.path, f.value) for f in missing])
    for field in fields:
        if field.value is None:
            result = _pruned(result, field.path, field.depth)
    return result


def holds(live: Body | None, writes: Sequence[Write]) -> bool:
    """Whether nothing is left to do. What the API server adds by itself does not count."""
    return all(_is(at(live, w.path), w.value, w.path) for w in writes)


def foreign(live: Body | None, writes: Sequence[Write]) -> Iterator[tuple[Path, Any, Any]]:
    """Fields that are neither as planned nor as the step wants them: path, expected, found."""
    for write in writes:
        found = at(live, write.path)
        if write.any_old or _is(found, write.value, write.path):
            continue
        if not _is(found, write.old, write.path):
            yield write.path, write.old, _kept(found, write.path)


def changed_since(
    live: Body | None, writes: Sequence[Write], fields: Sequence[FieldImage]
) -> Iterator[tuple[Path, Any, Any]]:
    """Fields that are neither what the step wrote nor what was before it: path, written, found."""
    for write, before in zip(writes, fields, strict=True):
        found = at(live, write.path)
        if not (_is(found, write.value, write.path) or _is(found, before.value, write.path)):
            yield write.path, write.value, _kept(found, write.path)


def contains(found: Any, wanted: Any) -> bool:
    """Whether `found` has everything of `wanted`; lists must be of one length. Nulls ask for absence."""
    if isinstance(wanted, Mapping):
        if not isinstance(found, Mapping):
            return not any(value is not None for value in wanted.values()) and found is None
        return all(contains(found.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list | tuple):
        return (
            isinstance(found, list | tuple)
            and len(found) == len(wanted)
            and all(contains(f, w) for f, w in zip(found, wanted, strict=True))
        )
    return bool(found == wanted)


def _is(found: Any, wanted: Any, path: Path) -> bool:
    if path or wanted is None or found is None:
        return bool(tidy(found) == tidy(wanted))
    if at(wanted, ("metadata", "labels", MANAGED_BY)) != at(
        found, ("metadata", "labels", MANAGED_BY)
    ):
        return False
    return contains(found, {k: v for k, v in wanted.items() if k != "apiVersion"})


def tidy(value: Any) -> Any:
    """`value` without nulls: one spelling of absence."""
    if isinstance(value, Mapping):
        kept = {key: tidy(one) for key, one in value.items()}
        return {key: one for key, one in kept.items() if one is not None}
    if isinstance(value, list | tuple):
        return [tidy(one) for one in value]
    return value


def _kept(value: Any, path: Path) -> Any:
    """A whole object without what only the API server writes."""
    if path or not isinstance(value, Mapping):
        return value
    metadata = {k: v for k, v in value.get("metadata", {}).items() if k not in _SERVER_SIDE}
    rest = {k: v for k, v in value.items() if k not in {"metadata", "status"}}
    return {**rest, "metadata": metadata}


def _depth(body: Body | None, path: Path) -> int:
    found = [n for n in range(len(path), -1, -1) if at(body, path[:n]) is not None]
    return found[0] if found else 0


def _pruned(body: Body | None, path: Path, depth: int) -> Body | None:
    """Without the empty mappings on the way to `path` that were not there before."""
    for length in range(len(path) - 1, depth, -1):
        if at(body, path[:length]) == {}:
            body = _with(body, [(path[:length], None)])
    return body


def _with(live: Body | None, values: Sequence[tuple[Path, Any]]) -> Body | None:
    result: Any = live
    for path, value in values:
        result = _set(result, path, value)
    return result if result is None else dict(result)


def _set(body: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    head, *rest = path
    below = body.get(head) if isinstance(body, Mapping) else None
    inner = _set(below, tuple(rest), value)
    kept = {k: v for k, v in body.items() if k != head} if isinstance(body, Mapping) else {}
    if inner is None or (rest and inner == {} and not below):
        return kept
    return {**kept, head: inner}
