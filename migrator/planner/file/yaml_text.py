"""YAML in block style: the text that PyYAML writes, many times faster.

Most of a plan is short texts of printable characters; they are written here, by the rules of libyaml's
emitter (`src/emitter.c`). All else is left to PyYAML: control characters, texts of several lines, long keys.
"""

import io
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import yaml
from yaml.emitter import Emitter
from yaml.resolver import Resolver

_WIDTH = 100
_STEP = 2
_STRING = "tag:yaml.org,2002:str"
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_LONGEST_WORD = 5  # of those that mean another type: `false`
_LAST_SHOWN = "\uffff"  # libyaml escapes all after it
_LONGEST_KEY = 100  # PyYAML writes a key of 128 bytes in another form
_SIMPLE: tuple[tuple[Any, str], ...] = (
    (True, "true"), (False, "false"), (None, "null"), ([], "[]"), ({}, "{}"),
)  # fmt: skip

_resolver: Any = Resolver()
_analyze = Emitter(io.StringIO()).analyze_scalar


class _Dumper(yaml.CSafeDumper):
    """Block style; texts with line breaks as literal blocks; no aliases."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar(_STRING, value, style=style)


_Dumper.add_representer(str, _text)


def block(data: Any, indent: int = 0) -> str:
    """YAML as a person reads it: block style, texts of several lines as they are.

    `indent`: where the keys of a mapping, or the dashes of a list, stand.
    """
    out: list[str] = []
    if isinstance(data, Mapping) and data:
        _entries(data, indent, " " * indent, out)
    elif isinstance(data, list) and data:
        _items(data, indent, " " * indent, out)
    else:
        return _by_pyyaml(data)
    return "".join(out)


def _entries(data: Mapping[str, Any], indent: int, lead: str, out: list[str]) -> None:
    """The lines of a mapping; `lead` stands before the first key."""
    pad, inner = " " * indent, indent + _STEP
    for key, value in data.items():
        name = _name(key)
        kind = type(value) if name else None
        if kind is dict and value:
            out.append(f"{lead}{name}:\n")
            _entries(value, inner, " " * inner, out)
        elif kind is list and value:
            out.append(f"{lead}{name}:\n")
            _items(value, indent, pad, out)
        else:
            text = _leaf(value, indent + len(name) + 2, inner) if name else ""
            out.append(f"{lead}{name}: {text}\n" if text else lead + _entry(key, value, indent))
        lead = pad


def _items(data: list[Any], indent: int, lead: str, out: list[str]) -> None:
    """The lines of a list; `lead` stands before the first dash."""
    pad, inner = " " * indent, indent + _STEP
    for value in data:
        kind = type(value)
        if kind is dict and value:
            _entries(value, inner, f"{lead}- ", out)
        elif kind is list and value:
            _items(value, inner, f"{lead}- ", out)
        else:
            text = _leaf(value, inner, inner)
            out.append(f"{lead}- {text}\n" if text else lead + _item(value, indent))
        lead = pad


def _leaf(value: Any, column: int, indent: int) -> str:
    """A value without parts, as it stands at `column`; empty for what is left to PyYAML."""
    kind = type(value)
    if kind is str:
        return _scalar(value, column, indent)
    if kind is int:
        return str(value)
    for known, text in _SIMPLE:
        if value is known or (value == known and kind is type(known)):
            return text
    return ""


def _scalar(text: str, column: int, indent: int) -> str:
    """The text as it stands at `column`, folded to lines at `indent`; empty for what is left to PyYAML."""
    if text[:1] in _LETTERS:
        if not _is_shown(text) or text[-1] == " ":
            return ""
        is_plain = not (
            ": " in text
            or " #" in text
            or text[-1] == ":"
            or (len(text) <= _LONGEST_WORD and not _is_text(text))
        )
        written = text if is_plain else _quoted(text)
    else:
        written = _other(text)
    return written if column + len(written) <= _WIDTH else _folded(written, column, indent)


@lru_cache(maxsize=50_000)
def _is_text(value: str) -> bool:
    """Whether a reader takes it, without quotes, for text and not for a number, a date, or null."""
    return bool(_resolver.resolve(yaml.ScalarNode, value, (True, False)) == _STRING)


@lru_cache(maxsize=50_000)
def _other(text: str) -> str:
    """A text that does not begin with a letter."""
    if not text.isascii() or not text.isprintable() or text != text.strip(" "):
        return ""
    if text and _is_text(text) and _analyze(text).allow_block_plain:
        return text
    return _quoted(text)


def _is_shown(text: str) -> bool:
    """Whether libyaml writes each character as it is."""
    return text.isprintable() and (text.isascii() or max(text) <= _LAST_SHOWN)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _folded(text: str, column: int, indent: int) -> str:
    """Lines end at the first single space past the width."""
    lines = []
    begin = 0
    at = text.find(" ", max(0, _WIDTH + 1 - column))
    while at != -1:
        if text[at - 1] == " " or text[at + 1] == " ":
            at = text.find(" ", at + 1)
            continue
        lines.append(text[begin:at])
        begin = at + 1
        at = text.find(" ", begin + _WIDTH + 1 - indent)
    lines.append(text[begin:])
    return ("\n" + " " * indent).join(lines)


@lru_cache(maxsize=50_000)
def _name(key: Any) -> str:
    """A key as it stands; empty for what is left to PyYAML."""
    if type(key) is str and key.isascii() and len(key) <= _LONGEST_KEY:
        return _scalar(key, 0, 0)
    return ""


def _entry(key: Any, value: Any, indent: int) -> str:
    """An entry of a mapping as PyYAML writes it, from its key on."""
    if type(key) is type(value) is str:
        return _text_entry(key, value, indent)
    return _any_entry(key, value, indent)


@lru_cache(maxsize=1_000)
def _text_entry(key: str, value: str, indent: int) -> str:
    return _any_entry(key, value, indent)


def _any_entry(key: Any, value: Any, indent: int) -> str:
    depth = indent // _STEP
    data = {key: value}
    for _ in range(depth):
        data = {"": data}
    return _below(data, depth)[indent:]


def _item(value: Any, indent: int) -> str:
    """An item of a list as PyYAML writes it, from its dash on."""
    depth = indent // _STEP
    data: Any = [value]
    for _ in range(depth + 1):
        data = {"": data}
    return _below(data, depth + 1)[indent:]


def _below(data: Any, depth: int) -> str:
    """The text without its first `depth` lines, and without the mark of the document's end, which PyYAML
    adds after a text that ends with empty lines.
    """
    text = _by_pyyaml(data).split("\n", depth)[depth]
    return text.removesuffix("...\n") if text.endswith("\n...\n") else text


def _by_pyyaml(data: Any) -> str:
    return str(yaml.dump(data, Dumper=_Dumper, sort_keys=False, width=_WIDTH, allow_unicode=True))
