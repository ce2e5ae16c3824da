"""What controllers have still to do: each piece of work once, however often it is asked for."""

from collections.abc import Callable, Hashable

from .clock import FakeClock


class Loop:
    """A work queue on simulated time."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._waiting: set[Hashable] = set()

    def soon(self, seconds: float, act: Callable[..., None], *arguments: Hashable) -> None:
        """Do `act` with these arguments in so many seconds, unless that is to be done already."""
        key = (act, arguments)
        if key in self._waiting:
            return
        self._waiting.add(key)

        def run() -> None:
            self._waiting.discard(key)
            act(*arguments)

        self._clock.after(seconds, run)
