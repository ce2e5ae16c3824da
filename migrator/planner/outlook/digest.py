"""Much that a person accepts without reading all of it: what was accepted must stay all of it."""

from collections.abc import Sequence
from hashlib import sha256

_DIGITS = 16


def digest(words: Sequence[str]) -> str:
    """Hexadecimal digits that are others when one of the sentences is."""
    return sha256("\n".join(words).encode()).hexdigest()[:_DIGITS]
