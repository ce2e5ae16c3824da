"""Reads the YAML that `yaml_text` writes, line by line: many times faster than a parser of all of YAML.

For what people edit into it there is PyYAML: a value that is more than a plain word or sentence is cut out
and read by it alone, and a text with anything that this reader does not know is none of its business.
"""

import re
from copy import deepcopy
from functools import lru_cache
from typing import Any

import yaml
from yaml.resolver import Resolver

_STRANGE = re.compile(r"[^\n -~\xa1-\u1fff\u2010-\u2027\u2030-\ud7ff]")
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_LONGEST_WORD = 5  # of those that mean another type: `false`
_MAX_DEPTH = 100
_BRACKETS = re.compile(r"[\[\]{}]")
_NESTED = re.compile(r"(?:[-?][ \t]+){100}")
_STRING = "tag:yaml.org,2002:str"

_resolver: Any = Resolver()


class Unusual(Exception):  # noqa: N818 - no error: another reader is asked
    """The text holds something that only a parser of all of YAML can read."""


def load(text: str) -> Any:
    """What the text says, as PyYAML's safe loader reads it. Raises ValueError."""
    try:
        return read(text)
    except Unusual:
        pass
    if _is_deep(text):
        msg = "nested too deeply to be a plan"
        raise ValueError(msg)
    try:
        return yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        msg = f"not YAML: {error}"
        raise ValueError(msg) from error


def read(text: str) -> Any:
    """The same, only for what this reader knows. Raises Unusual for all else."""
    if not text.endswith("\n") or _STRANGE.search(text):
        raise Unusual
    lines = _Lines(text)
    lines.next()
    found = lines.block(0)
    if lines.rest is not None:
        raise Unusual
    return found


class _Lines:
    """The line that is looked at: `rest` is its text from the column `indent` on, None after the last."""

    def __init__(self, text: str) -> None:
        self._lines = text.removesuffix("\n").split("\n")
        self._number = -1
        self._depth = 0
        self.indent = 0
        self.rest: str | None = None

    def next(self) -> None:
        """To the next line that says something."""
        for number in range(self._number + 1, len(self._lines)):
            line = self._lines[number]
            rest = line.lstrip(" ")
            if rest and rest[0] != "#":
                self._number, self.rest, self.indent = number, rest, len(line) - len(rest)
                return
        self._number, self.rest = len(self._lines), None

    def block(self, indent: int) -> Any:
        """The mapping or list whose lines begin at `indent`."""
        self._depth += 1
        if self.indent != indent or self.rest is None or self._depth > _MAX_DEPTH:
            raise Unusual
        found = self._list(indent) if self.rest.startswith("- ") else self._mapping(indent)
        self._depth -= 1
        return found

    def _mapping(self, indent: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while self.rest is not None and self.indent == indent and not self.rest.startswith("- "):
            key, colon, value = self.rest.partition(": ")
            if colon and value:
                found[_key(key)] = self._value(value, indent)
                continue
            if colon or key[-1] != ":":
                raise Unusual
            self.next()
            is_list = self.rest is not None and self.rest.startswith("- ")
            if self.indent < indent + (not is_list):
                raise Unusual
            found[_key(key[:-1])] = self.block(self.indent)
        if self.rest is not None and self.indent > indent:
            raise Unusual
        return found

    def _list(self, indent: int) -> list[Any]:
        found: list[Any] = []
        while self.rest is not None and self.indent == indent and self.rest.startswith("- "):
            item = self.rest[2:]
            if not item:
                raise Unusual
            is_mapping = item[0] in _LETTERS and (": " in item or item[-1] == ":")
            if is_mapping or item.startswith("- "):
                self.rest, self.indent = item, indent + 2
                found.append(self.block(indent + 2))
            else:
                found.append(self._value(item, indent))
        if self.rest is not None and self.indent > indent:
            raise Unusual
        return found

    def _value(self, text: str, indent: int) -> Any:
        """The value that begins with `text` and goes on in the lines deeper than `indent`."""
        more = self._deeper(indent)
        if text[0] not in "|>" and not any(one.strip(" ") for one in more):
            return _simple(text)
        if text[0] in _LETTERS and all(map(_is_plain, (text, *(one.lstrip(" ") for one in more)))):
            return " ".join((text, *(one.lstrip(" ") for one in more)))
        return _by_pyyaml("\n".join((text, *more)))

    def _deeper(self, indent: int) -> list[str]:
        """Lines that belong to the value of this one, without what all of them are indented by."""
        deeper = " " * (indent + 1)
        begin = end = self._number + 1
        while end < len(self._lines) and (
            self._lines[end].startswith(deeper) or not self._lines[end].strip(" ")
        ):
            end += 1
        more = [line[indent:] for line in self._lines[begin:end]]
        self._number = end - 1
        self.next()
        return more


def _is_plain(text: str) -> bool:
    """Whether it is part of a text without quotes, and nothing else."""
    return not (
        ": " in text
        or " #" in text
        or text[-1:] in {":", " ", ""}
        or text[0] in "#-?:,[]{}&*!|>'\"%@`"
    )


def _simple(text: str) -> Any:
    """The value of a text on one line."""
    if text[:1] in _LETTERS and len(text) > _LONGEST_WORD and _is_plain(text):
        return text
    return _by_pyyaml(text)


@lru_cache(maxsize=50_000)
def _key(text: str) -> str:
    if (
        not _KEY.fullmatch(text)
        or _resolver.resolve(yaml.ScalarNode, text, (True, False)) != _STRING
    ):
        raise Unusual
    return text


def _by_pyyaml(text: str) -> Any:
    """What stands behind a key, as PyYAML reads it."""
    found = _known(text)
    return deepcopy(found) if isinstance(found, dict | list) else found


@lru_cache(maxsize=50_000)
def _known(text: str) -> Any:
    entry = f"key: {text}\n"
    if _is_deep(entry):
        raise Unusual
    try:
        found = yaml.load(entry, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError) as error:
        raise Unusual from error
    if found.keys() != {"key"}:
        raise Unusual
    return found["key"]


def _is_deep(text: str) -> bool:
    """Whether it nests deeper than any plan. libyaml recurses for each bracket, and a deep enough text ends
    the process.
    """
    if _NESTED.search(text):
        return True
    deepest = depth = 0
    for found in _BRACKETS.finditer(text):
        depth += 1 if found[0] in "[{" else -1
        deepest = max(deepest, depth)
    return deepest > _MAX_DEPTH
