"""Steps that are alike but for the names of their namespace and their target are written once.

A migration does the same to many objects, and text costs more than what it says. A text is told of another
step by putting that step's names into it: for that the names must be such that whoever writes YAML or
Markdown treats any two of them in the same way.
"""

import re
from collections.abc import Callable
from typing import Final

from migrator.steps import AnyStep

# Lower case, and never part of what YAML takes for a number, a date or a word like `yes`
_PLAIN = re.compile(r"[a-z]{2}[a-z0-9]*-[a-z0-9-]*")
_HOLES: Final = ("\0", "\1")  # JSON, YAML and the report escape them wherever they stand in a text
_KEPT = 4_096  # texts


class Alike:
    """`write` for every step; what it returns may depend on the step alone, and not on how texts sort."""

    def __init__(self, write: Callable[[AnyStep], str]) -> None:
        self._write = write
        self._known: dict[object, str] = {}

    def __call__(self, step: AnyStep) -> str:
        names = _names(step)
        key = (_without(step.model_dump_json(), names), *map(len, names))  # lines fold by length
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _KEPT:
                self._known.clear()
            text = self._write(step)
            self._known[key] = _without(text, names)
            return text
        for hole, name in zip(_HOLES, names, strict=False):
            known = known.replace(hole, name)
        return known


def _names(step: AnyStep) -> tuple[str, ...]:
    return tuple(filter(_PLAIN.fullmatch, (step.target.namespace, step.target.name)))


def _without(text: str, names: tuple[str, ...]) -> str:
    for hole, name in zip(_HOLES, names, strict=False):
        text = text.replace(name, hole)
    return text
