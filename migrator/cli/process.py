"""A process that lives for one command: what Python does for long-lived ones is left out."""

import atexit
import gc
import os

from . import streams

_COLLECT_AFTER = 100_000  # new objects; Python's own 700 cost a tenth of a check


def begin() -> None:
    """Make the streams take every text; look for garbage seldom, at the end not at all."""
    streams.prepare()
    gc.set_threshold(_COLLECT_AFTER)
    atexit.register(gc.freeze)  # the memory goes back as a whole
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for them costs 10 ms
