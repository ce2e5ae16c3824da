"""What every report says of its reading: what could not be read, and what was left alone."""

from collections.abc import Iterator, Mapping

from .contract import UnreadView
from .text import plural, wrap

Line = tuple[str, str]


def unread(found: tuple[UnreadView, ...], columns: int) -> Iterator[Line]:
    """A heading and a line each; nothing when all was read."""
    if found:
        yield "NOT READ, SO THIS IS INCOMPLETE", "bold red"
        for one in found:
            yield wrap(f"{one.where}: {one.reason}", "    ", columns, first="  "), ""
        yield "", ""


def unknown(counts: Mapping[str, int], columns: int) -> Iterator[Line]:
    """How many objects of which other kinds."""
    if counts:
        kinds = ", ".join(f"{kind} {number}" for kind, number in counts.items())
        total = plural(sum(counts.values()), "object")
        said = f"{total} of kinds that play no part: {kinds}."
        yield wrap(said, "  ", columns, first=""), "dim"
