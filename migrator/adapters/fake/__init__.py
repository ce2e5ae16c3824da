"""A cluster in memory, with a clock, for `--simulate` and for tests.

What may go in here: simulated controllers and faults. What may not: anything that a live run uses.
"""

from .clock import FakeClock
from .cluster import FakeCluster
from .faults import Faults, KilledError, Write
from .journal import MemoryJournal
from .persons import Persons

__all__ = ["FakeClock", "FakeCluster", "Faults", "KilledError", "MemoryJournal", "Persons", "Write"]
