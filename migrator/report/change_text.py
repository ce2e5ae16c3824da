"""A step's exact change as a diff: `-` what is there, `+` what will be."""

import difflib
from collections.abc import Iterator
from typing import Any

from migrator.model.writes import Write
from migrator.planner.file.yaml_text import block
from migrator.steps import AnyStep

from .text import safe

Line = tuple[str, str]
_STYLE = {"+": "green", "-": "red"}


def lines(step: AnyStep) -> Iterator[Line]:
    """The object, then each changed field; for a step that changes nothing, what it waits for."""
    writes = step.writes("<time of the step>")
    if not writes and not step.pod_labels():
        yield f"    {step.summary()}", ""
        return
    yield f"    {step.target}", "bold"
    for write in writes:
        yield from _change(write)
    for key, value in step.pod_labels().items():
        yield f"      of its running pods: metadata.labels.{key}", "dim"
        yield f"    + {value}" if value is not None else "    - removed", _STYLE["+"]


def _change(write: Write) -> Iterator[Line]:
    yield f"      {'.'.join(write.path) or 'the whole object'}", "dim"
    old = _yaml(write.old) if not write.any_old else ["(whatever it is)"]
    hunks = 0
    for line in difflib.unified_diff(old, _yaml(write.value), n=3, lineterm=""):
        if line.startswith("@@"):
            hunks += 1
            if hunks > 1:
                yield "    ...", ""
        elif not line.startswith(("---", "+++")):
            yield f"    {safe(f'{line[0]} {line[1:]}')}", _STYLE.get(line[0], "")


def _yaml(value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, str):
        return [value]
    return block(value).splitlines()
