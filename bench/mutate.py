"""Manifests as nobody should write them: the rule fixtures with a few faults each.

Some faults are made in the bytes (flips, lost and repeated lines, a cut), some in the values (a number
where a list should be, nulls, escapes), which gets further into the tool.
"""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from migrator.adapters.documents import Document, documents

FIXTURES = Path(__file__).parents[1] / "tests" / "fixtures" / "rules"
_WRONG: Sequence[Any] = (
    None, True, 0, -1, 8080, 1.5, 10**30, "", "text", "*", "\x1b[31m", "a" * 300, "10.0.0.0/33", "{{ x }}",
    "15001,x,-", "=", "/", ":", ".", "1.31", [], [None], ["text"], [1], [[]], [{}], {}, {"a": None},
    {"name": 1}, {"matchLabels": {"app": "cart"}}, {"": ""},
)  # fmt: skip


def seeds(folder: Path = FIXTURES) -> tuple[bytes, ...]:
    """The manifests to begin with: one file of each rule."""
    return tuple(file.read_bytes() for file in sorted(folder.glob("*/bad.yaml")))


def mutated(seed: bytes, chance: random.Random) -> bytes:
    """`seed` with one to four faults."""
    if chance.random() < 0.6:
        objects = [found.value for found in documents(seed) if isinstance(found, Document)]
        for _ in range(chance.randint(1, 4)):
            _spoil_value(objects, chance)
        return b"\n---\n".join(msgspec.json.encode(one) for one in objects)
    text = bytearray(seed)
    for _ in range(chance.randint(1, 4)):
        text = _spoil_text(text, chance)
    return bytes(text)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a value below: its container and its key or index."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, one in items:
        yield value, key
        if isinstance(one, dict | list):
            yield from _places(one)


def _spoil_value(objects: list[Any], chance: random.Random) -> None:
    container, key = chance.choice(tuple(_places(objects)))
    match chance.randrange(6):
        case 0:
            container[key] = [container[key]]
        case 1:
            container[key] = {"name": container[key]}
        case 2 if isinstance(container, list):
            container.append(container[key])
        case 3 if isinstance(container, dict):
            container[chance.choice(("name", "kind", "spec", "\x1b", "port"))] = container[key]
        case 4:
            other, name = chance.choice(tuple(_places(objects)))
            container[key] = _copy(other[name])
        case _:
            container[key] = _copy(chance.choice(_WRONG))


def _copy(value: Any) -> Any:
    """No container may come to hold itself."""
    return msgspec.json.decode(msgspec.json.encode(value))


def _spoil_text(text: bytearray, chance: random.Random) -> bytearray:
    at = chance.randrange(len(text) or 1)
    lines = text.splitlines(keepends=True)
    line = chance.randrange(len(lines) or 1)
    match chance.randrange(7):
        case 0 if text:
            text[at] = chance.randrange(256)
        case 1:
            del text[at : at + chance.randint(1, 20)]
        case 2:
            return text[:at]
        case 3:
            text[at:at] = chance.choice(
                (b"\t", b"  ", b"- ", b"[", b"{", b"*a", b"&a ", b": ", b"'", b"\r")
            )
        case 4:
            return bytearray(b"".join(lines[:line] + lines[line + 1 :]))
        case 5:
            return bytearray(b"".join(lines[: line + 1] + lines[line:]))
        case _:
            other = chance.randrange(len(lines) or 1)
            lines[line : line + 1], lines[other : other + 1] = (
                lines[other : other + 1],
                lines[line : line + 1],
            )
            return bytearray(b"".join(lines))
    return text
