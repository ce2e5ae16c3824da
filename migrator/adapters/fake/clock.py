"""Simulated time: nothing waits, and what was asked for a later moment happens in between."""

import heapq
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

START = datetime(2026, 1, 1, tzinfo=UTC)


class FakeClock:
    """Time passes only in `sleep`, which does what `after` asked for, each at its own moment."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self._numbers = count()
        self._later: list[tuple[datetime, int, Callable[[], None]]] = []

    def now(self) -> datetime:
        return self._now

    def sleep(self, seconds: float) -> None:
        end = self._now + timedelta(seconds=seconds)
        while self._later and self._later[0][0] <= end:
            self._now, _, act = heapq.heappop(self._later)
            act()
        self._now = end

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Do `act` in so many seconds; of two at the same moment the one that was asked for first."""
        due = self._now + timedelta(seconds=seconds)
        heapq.heappush(self._later, (due, next(self._numbers), act))

    def settle(self, seconds: float = 3600) -> None:
        """Sleep until nothing is left to do, but not longer than this. Ends at the last act."""
        end = self._now + timedelta(seconds=seconds)
        while self._later and self._later[0][0] <= end:
            self.sleep((self._later[0][0] - self._now).total_seconds())
