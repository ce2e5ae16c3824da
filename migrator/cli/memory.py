"""How often Python looks for garbage: seldom, because almost all that is made of a mesh stays to the end.

With Python's own thresholds half of the time of a large plan, and a tenth of a small check, goes into it.
"""

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager

_COLLECT = (100_000, 50, 1_000)  # Python's own are 700, 10 and 10


def spare() -> None:
    """Look seldom from now on, and at the end of the process not at all: the memory goes back as a whole."""
    gc.set_threshold(*_COLLECT)
    atexit.register(gc.freeze)


@contextmanager
def kept() -> Iterator[None]:
    """What is made within stays to the end: the garbage collector need not walk it again and again."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
