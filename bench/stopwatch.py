"""Of one process: how long it did nothing but wait, and what it asked the API server for."""

import inspect
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType

_PARTS = {  # file of the product -> what its requests are for
    "record.py": "record",
    "lock.py": "Lease",
    "preflight.py": "look before the first change",
    "reading.py": "staleness",
    "alarm.py": "signs of loss",
    "stepper.py": "steps",
    "run.py": "checks",
}


class Waiting:
    """Time in which some call was under way that waits, without the processor time of that time.

    Calls of several threads overlap: what counts is that there is one. What the process computes
    meanwhile is its own time, the sending and the decoding of requests too.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._under_way = 0
        self._begin = (0.0, 0.0)
        self._lock = threading.Lock()

    def around(
        self, method: Callable[..., Any], count: "Asked | None" = None
    ) -> Callable[..., Any]:
        def timed(*arguments: Any, **options: Any) -> Any:
            if count:
                count.add(arguments[1])
            self._change(+1)
            try:
                return method(*arguments, **options)
            finally:
                self._change(-1)

        return timed

    def _change(self, number: int) -> None:
        with self._lock:
            now = time.perf_counter(), time.process_time()
            if self._under_way:
                elapsed, computed = (new - old for new, old in zip(now, self._begin, strict=True))
                self.seconds += max(elapsed - computed, 0.0)
            self._begin = now
            self._under_way += number


class Asked:
    """Requests by the part of the product that sends them."""

    def __init__(self) -> None:
        self.by_part: Counter[str] = Counter()

    def add(self, method: str) -> None:
        part = next((_PARTS[name] for name in _callers() if name in _PARTS), "the rest")
        self.by_part[f"{part}, {method}"] += 1


def _callers() -> Iterator[str]:
    """Files of the product, the innermost first."""
    frame: FrameType | None = inspect.currentframe()
    while frame:
        folder, _, name = frame.f_code.co_filename.rpartition("/")
        if "/migrator" in folder:
            yield name
        frame = frame.f_back
