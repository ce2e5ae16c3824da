"""A process that lives for one command: what Python does for long-lived ones is left out."""

import os

from . import memory, streams


def begin() -> None:
    """Make the streams take every text; look for garbage seldom, at the end not at all."""
    streams.prepare()
    memory.spare()
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for them costs 10 ms
