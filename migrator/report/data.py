"""A contract as JSON or YAML."""

import json
import re
from typing import Any

import msgspec
import yaml

_DELETE = "\x7f"
_NOT_PLAIN = re.compile(r"[^\n -~]")


def render(data: Any, form: str) -> str:
    """`data` as `form`: letters of every script as they are, what moves a cursor escaped."""
    if form == "yaml":
        return yaml.safe_dump(data, sort_keys=False, width=100, allow_unicode=True)
    text = _json(data)
    if not text.isascii() or _DELETE in text:  # others that are not plain, JSON escapes by itself
        text = _NOT_PLAIN.sub(_visible, text)
    return text + "\n"


def _json(data: Any) -> str:
    try:
        return msgspec.json.format(msgspec.json.encode(data), indent=2).decode()
    except UnicodeEncodeError:  # half a surrogate pair, which only the slower encoder can write
        return json.dumps(data, indent=2, ensure_ascii=False)


def _visible(character: re.Match[str]) -> str:
    found = character[0]
    return found if found.isprintable() else json.dumps(found)[1:-1]
