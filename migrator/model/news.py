"""What a run says while it goes on, and what it asks: data, which a watcher shows in its own way."""

from enum import StrEnum
from typing import Any, NamedTuple


class Topic(StrEnum):
    """What a piece of news is about."""

    WAVE = "wave"  # begins
    STEP = "step"  # begins
    WAITING = "waiting"  # a check does not hold yet
    CHANGED = "changed"  # the step's change was made
    HELD = "held"  # the step's change was there already
    VERIFIED = "verified"
    UNDONE = "undone"
    GATE = "gate"
    CHECKPOINT = "checkpoint"
    NOTE = "note"
    FAILED = "failed"


class News(NamedTuple):
    """`subject` is the id of a step or the name of a wave or gate; `since` the seconds waited so far."""

    topic: Topic
    subject: str
    says: str
    since: float = 0
    number: int = 0  # of `total`, for steps
    total: int = 0


class Question(NamedTuple):
    """Asked before a step (`change` shows it), at a gate, when a person must act, and before an undo."""

    kind: str  # step | gate | instruction | undo
    subject: str
    says: str
    detail: str = ""
    change: Any = None
