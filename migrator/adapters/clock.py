"""The time of this machine."""

import time
from datetime import UTC, datetime


class SystemClock:
    """The clock of a real run."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251  this is the clock

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: TID251  this is the clock
