"""How often Python looks for garbage."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# Almost all that is made of a mesh stays to the end, and with Python's own thresholds half of the time of a
# large plan goes into looking for what does not
_COLLECT = (100_000, 50, 1_000)


@contextmanager
def kept() -> Iterator[None]:
    """What is made within stays to the end: the garbage collector need not walk it again and again."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(*_COLLECT)
        gc.enable()
