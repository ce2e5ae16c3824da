"""What one look at a check gives: it holds, it does not hold yet, or it will not hold any more."""

from enum import StrEnum

from .resource import Frozen


class State(StrEnum):
    """`waiting` becomes a failure when the check's time is over: absence is not success."""

    DONE = "done"
    WAITING = "waiting"
    FAILED = "failed"


class Verdict(Frozen):
    """`says` names what was seen: the object, the field and its value; for `waiting`, what is awaited."""

    state: State
    says: str

    @classmethod
    def done(cls, says: str) -> "Verdict":
        return cls(state=State.DONE, says=says)

    @classmethod
    def waiting(cls, says: str) -> "Verdict":
        return cls(state=State.WAITING, says=says)

    @classmethod
    def failed(cls, says: str) -> "Verdict":
        return cls(state=State.FAILED, says=says)
