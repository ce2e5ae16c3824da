"""JSON merge patches (RFC 7386): null removes a field, mappings are merged, everything else is replaced."""

from collections.abc import Mapping
from typing import Any

import msgspec

_encode = msgspec.json.Encoder(order="deterministic").encode


def merged(body: Any, patch: Any) -> Any:
    """`body` with `patch` applied; neither is changed, and untouched parts are shared."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(body) if isinstance(body, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The smallest patch that makes `new` of `old`.

    No mapping of `new` may hold a null outside of lists: a patch cannot set one.
    """
    patch: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            if below := difference(before, value):
                patch[key] = below
        elif key not in old or not _same(before, value):
            patch[key] = value
    return patch


def _same(one: Any, other: Any) -> bool:
    """As JSON: 1 and true are equal to Python, and not to an API server."""
    return bool(one == other and _encode(one) == _encode(other))
