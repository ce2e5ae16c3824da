"""Many things by one key, in the order in which they came."""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

_T = TypeVar("_T")


def grouped(found: Iterable[_T], key: Callable[[_T], str]) -> Mapping[str, tuple[_T, ...]]:
    """Those of each key."""
    groups: dict[str, list[_T]] = {}
    for one in found:
        groups.setdefault(key(one), []).append(one)
    return {name: tuple(group) for name, group in groups.items()}
