"""JSON merge patches (RFC 7386): null removes a field, mappings are merged, everything else is replaced."""

from collections.abc import Mapping
from typing import Any


def merged(body: Any, patch: Any) -> Any:
    """`body` with `patch` applied; neither is changed."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(body) if isinstance(body, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def difference(old: Any, new: Any) -> dict[str, Any]:
    """The smallest patch that makes `new` of `old`; both are mappings, and `new` holds no nulls."""
    patch: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            if below := difference(before, value):
                patch[key] = below
        elif key not in old or before != value:
            patch[key] = value
    return patch
