"""Spans of time as Prometheus writes them."""

import re
from typing import NamedTuple

_SECONDS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:\d{1,6}[wdhms])+\Z")
_PART = re.compile(r"(\d+)([wdhms])")
_PIECE = 86400


class Window(NamedTuple):
    """How far to look back."""

    seconds: int
    text: str

    @property
    def pieces(self) -> tuple[int, ...]:
        """Its length cut into days, the last one maybe shorter: one query over a week may time out."""
        whole, rest = divmod(self.seconds, _PIECE)
        return (_PIECE,) * whole + ((rest,) if rest else ())


def parse_window(text: str) -> Window:
    """`7d`, `12h`, `1h30m` (prometheus/common model/time.go, without years). Raises ValueError."""
    if not _DURATION.match(text):
        msg = f"{text!r} is no duration; 7d, 12h and 90m are"
        raise ValueError(msg)
    seconds = sum(int(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
    if seconds < 60:
        msg = f"{text!r} is shorter than a minute: counters need two scrapes"
        raise ValueError(msg)
    return Window(seconds, text)
