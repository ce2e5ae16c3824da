"""`migrate estimate` for a person."""

from collections.abc import Iterator

from . import reading_text
from .estimate import Estimate
from .text import wrap

Line = tuple[str, str]


def lines(view: Estimate, columns: int) -> Iterator[Line]:
    """A small table, the difference in words, and everything that was assumed."""
    yield f"{'requests of':<12}{'pods':>8}{'CPU':>12}{'memory':>14}", "bold"
    for name, one in (
        ("sidecars", view.sidecars),
        ("ztunnel", view.ztunnel),
        ("waypoints", view.waypoints),
    ):
        yield f"{name:<12}{one.pods:>8}{one.cpu:>12.1f}{one.memory:>10.0f} MiB", ""
    yield "", ""
    yield wrap(_difference(view), "  ", columns, first=""), "bold"
    yield "", ""
    yield from reading_text.unread(view.unread, columns)
    for said in view.assumptions:
        yield wrap(said, "  ", columns, first="- "), "dim"


def _difference(view: Estimate) -> str:
    if not view.sidecars.pods:
        return "No pod has a sidecar, or would get one: there is nothing to save."
    return (
        f"Ambient requests {_less(view.saved.cpu, 'CPU', '.1f')} and "
        f"{_less(view.saved.memory, 'MiB of memory', '.0f')}."
    )


def _less(saved: float, unit: str, form: str) -> str:
    return f"{abs(saved):{form}} {unit} {'less' if saved >= 0 else 'more'}"
