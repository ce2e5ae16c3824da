"""How the types of fields are written down, and how a value is held against them.

A shape is a mapping of fields (`name!` must be there; fields that are not named may hold anything), a list
with the shape of its members, a `Map` of any keys, or a Python type.
"""

from collections.abc import Iterator
from types import GenericAlias, UnionType
from typing import Any, Literal, NamedTuple, NotRequired, Required, TypedDict, get_args

import msgspec

from migrator.model.fieldpath import field

S, I, B, ANY = str, int, bool, Any  # noqa: E741  a table of shapes is read as a table
N = int | float
IS = int | str  # IntOrString of apimachinery
Q = int | float | str  # a quantity: 1, 0.5, 500m

_TYPED_DICT: Any = TypedDict
_REQUIRED: Any = Required
_OPTIONAL: Any = NotRequired
_LITERAL: Any = Literal
_known: dict[int, tuple[Any, Any]] = {}  # by identity, with the table so that it stays the same one
_NAMES = {str: "text", int: "a whole number", bool: "true or false", float: "a number"}


class Map(NamedTuple):
    """A mapping of any keys to values of one shape."""

    values: Any


STRS, MAP, OBJECT = [S], Map(S), Map(ANY)
OBJECTS = [OBJECT]


class OneOf(tuple[str, ...]):
    """One of a few words; the API server refuses others."""

    __slots__ = ()


class Misfit(NamedTuple):
    """A field of another type than the tool, and Kubernetes, would read."""

    path: str
    expected: str
    found: str

    def __str__(self) -> str:
        hint = ": put it in quotes" if self.expected == "text" and "number" in self.found else ""
        return f"{self.path} must be {self.expected}, not {self.found}{hint}"


class Shape:
    """Something that values can be held against: quickly, and once more slowly to say where."""

    def __init__(self, table: Any) -> None:
        self._table = table
        self._type = _compiled(table)

    def misfit(self, value: Any) -> Misfit | None:
        """The first field that does not fit, or None."""
        try:
            msgspec.convert(value, self._type)
        except msgspec.ValidationError:
            path, expected, found = next(_misfits(self._table, value, ()))
            return Misfit(field(*path), expected, found)
        return None


def _compiled(table: Any) -> Any:
    """The type that msgspec checks; `TypedDict` and its marks are called, as the fields are data."""
    if isinstance(table, Map):
        return GenericAlias(dict, (str, _compiled(table.values)))
    if isinstance(table, list):
        return GenericAlias(list, (_compiled(table[0]),))
    if isinstance(table, OneOf):
        return _LITERAL[tuple(table)]
    return _fields(table) if isinstance(table, dict) else table


def _fields(table: dict[str, Any]) -> Any:
    """The same table, part of the shapes of many kinds, is compiled once."""
    _, known = _known.get(id(table), (None, None))
    if known is None:
        fields = {}
        for key, one in table.items():
            mark = _REQUIRED if key.endswith("!") else _OPTIONAL
            fields[key.removesuffix("!")] = mark[_compiled(one)]
        known = _TYPED_DICT(f"Fields{len(_known)}", fields)
        _known[id(table)] = table, known
    return known


_Path = tuple[str | int, ...]


def _misfits(table: Any, value: Any, path: _Path) -> Iterator[tuple[_Path, str, str]]:
    """Every misfit, by the same rules as msgspec's strict conversion."""
    kind = list if isinstance(table, list) else dict if isinstance(table, Map | dict) else None
    if kind is None:
        if not _is_a(value, table):
            yield path, _expected(table), _found(value)
    elif not isinstance(value, kind):
        yield path, "a list" if kind is list else "a mapping", _found(value)
    elif isinstance(table, dict):
        yield from _misfit_fields(table, value, path)
    else:
        member = table.values if isinstance(table, Map) else table[0]
        for key, one in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _misfits(member, one, (*path, key))


def _misfit_fields(table: Any, value: Any, path: _Path) -> Iterator[tuple[_Path, str, str]]:
    for name, one in table.items():
        key = name.removesuffix("!")
        if key in value:
            yield from _misfits(one, value[key], (*path, key))
        elif name.endswith("!"):
            yield (*path, key), "given", "absent"


def _members(table: Any) -> tuple[Any, ...]:
    return get_args(table) if isinstance(table, UnionType) else (table,)


def _is_a(value: Any, table: Any) -> bool:
    if isinstance(table, OneOf):
        return isinstance(value, str) and value in table
    return table is ANY or type(value) in _members(table)


def _expected(table: Any) -> str:
    if isinstance(table, OneOf):
        return "one of " + ", ".join(table)
    return " or ".join(_NAMES[one] for one in _members(table))


def _found(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text {value[:40]!r}"
    return "nothing" if value is None else "a mapping" if isinstance(value, dict) else "a list"
