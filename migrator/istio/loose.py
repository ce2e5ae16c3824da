"""Walking values whose types nobody has checked: specs of kinds that are not Istio's or Kubernetes' own."""

from collections.abc import Iterator, Mapping
from typing import Any

from .yamltext import dig


def members(value: Any, *keys: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The mappings in the list below `keys`, each with its index; none where there is no such list."""
    found = dig(value, *keys)
    for i, one in enumerate(found if isinstance(found, list | tuple) else ()):
        if isinstance(one, Mapping):
            yield i, one


def texts(value: Any, *keys: str) -> tuple[str, ...]:
    """The texts in the list below `keys`."""
    found = dig(value, *keys)
    return tuple(t for t in found if isinstance(t, str)) if isinstance(found, list | tuple) else ()


def text(value: Any, *keys: str) -> str:
    """The text below `keys`, empty where there is none."""
    found = dig(value, *keys)
    return found if isinstance(found, str) else ""
