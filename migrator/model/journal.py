"""The record of a run: append-only entries, from which the state of every step follows.

An entry is durable, in the cluster and on disk, before what it announces is done.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Literal

from .resource import Frozen, Ref


class FieldImage(Frozen):
    """One field as it was before a step; `value` is null where it was absent.

    `depth` parts of the path were there: mappings below that were made for the field go with it.
    """

    path: tuple[str, ...]
    value: Any = None
    depth: int = 0


class Image(Frozen):
    """The touched fields of one object before a step. `uid` is empty where there was no object."""

    group: str = ""
    kind: str
    namespace: str = ""
    name: str
    uid: str = ""
    fields: tuple[FieldImage, ...] = ()

    @property
    def ref(self) -> Ref:
        return Ref(self.group, self.kind, self.namespace, self.name)


class Event(StrEnum):
    """What an entry records; its subject is a step, and of `passed`, `checkpoint` and `stopped` a wave."""

    BASELINE = "baseline"  # what was measured before the first change
    CAPTURED = "captured"
    APPLIED = "applied"  # only of what takes long until it is verified: pods are replaced
    VERIFIED = "verified"
    PASSED = "passed"  # a gate of a wave
    CHECKPOINT = "checkpoint"
    STOPPED = "stopped"
    UNDOING = "undoing"
    UNDONE = "undone"


class Entry(Frozen):
    """One line of the record; `number` counts from 1 without a gap."""

    number: int
    time: str
    run: str
    event: Event
    subject: str
    says: str = ""
    stamp: str = ""
    images: tuple[Image, ...] = ()


Standing = Literal["pending", "captured", "applied", "verified", "undoing"]
_STANDING: Mapping[Event, Standing] = {
    Event.CAPTURED: "captured",
    Event.APPLIED: "applied",
    Event.VERIFIED: "verified",
    Event.UNDOING: "undoing",
    Event.UNDONE: "pending",
}


class StepState(Frozen):
    """Where a step stands, with the before-image and time of the attempt that counts."""

    standing: Standing = "pending"
    stamp: str = ""
    images: tuple[Image, ...] = ()

    @property
    def touched(self) -> bool:
        """Whether the cluster may hold something of it."""
        return self.standing != "pending"


class Progress:
    """What the entries add up to; `add` keeps it up to date while a run writes more of them."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._steps: dict[str, StepState] = {}
        self._begun: dict[str, int] = {}
        self._passed: dict[str, int] = {}
        self.baseline: float | None = None
        self.last: Entry | None = None
        for entry in entries:
            self.add(entry)

    def add(self, entry: Entry) -> None:
        self.last = entry
        match entry.event:
            case Event.PASSED | Event.CHECKPOINT:
                self._passed[entry.subject] = entry.number
            case Event.BASELINE:
                self.baseline = float(entry.says)
            case Event.STOPPED:
                pass
            case Event.UNDONE:
                self._steps.pop(entry.subject, None)
                self._forget_after(entry.subject)
            case Event.CAPTURED:
                self._begun[entry.subject] = entry.number
                self._steps[entry.subject] = StepState(
                    standing="captured", stamp=entry.stamp, images=entry.images
                )
            case event:
                old = self.of(entry.subject)
                new = old.model_copy(update={"standing": _STANDING[event]})
                self._steps[entry.subject] = new
                if event is Event.UNDOING:
                    self._forget_after(entry.subject)

    def _forget_after(self, step: str) -> None:
        """What was passed before `step` was begun did not rest on it, and stays passed."""
        begun = self._begun.get(step, 0)
        self._passed = {name: at for name, at in self._passed.items() if at < begun}

    def of(self, step: str) -> StepState:
        return self._steps.get(step, StepState())

    def has_passed(self, subject: str) -> bool:
        """Whether this gate or checkpoint was passed, and nothing undone that came before it."""
        return subject in self._passed

    @property
    def next_number(self) -> int:
        return self.last.number + 1 if self.last else 1

    @property
    def touched(self) -> bool:
        return any(state.touched for state in self._steps.values())
