"""In which order steps are undone: newest first, but injection comes back before pods restart.

A namespace that was flipped as a whole is undone in two parts: first its injection labels, while it is
still ambient, so that the pods which restart next get sidecars and none starts with neither; its
ambient label goes when they have. (An ambient pod that loses the label serves in clear text at once.)

Of a Job what makes its next pods ambient is taken back first, then the ambient ones that run are waited for:
nothing restarts them, and what guards them goes only after that.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.model.writes import Path
from migrator.steps import AnyStep, Disruption, PatchTemplate, SetLabels, WaitForJobs

_INJECTION = frozenset({names.INJECTION, names.REVISION})


class Undo(NamedTuple):
    """A step to undo: whole, or (`keys`) only these labels first; then the `last` part follows later."""

    step: AnyStep
    keys: frozenset[str] | None = None
    last: bool = True

    def covers(self, path: Path) -> bool:
        return self.keys is None or (bool(path) and path[-1] in self.keys)

    @property
    def changes(self) -> bool:
        """Whether the step wrote anything at all; a wait, or what a person did, has nothing to put back."""
        return bool(self.step.writes("") or self.step.pod_labels())

    @property
    def says(self) -> str:
        if isinstance(self.step, WaitForJobs):
            return self.step.undo()
        if not self.changes:
            return f"nothing to undo: {self.step.summary()}"
        if self.keys is None:
            return self.step.undo()
        kept = "its running pods" if isinstance(self.step, PatchTemplate) else "still"
        return f"{self.step.target}: {', '.join(sorted(self.keys))} back, {kept} ambient"


def order(done: Sequence[AnyStep]) -> tuple[Undo, ...]:
    """What to undo, first to last, of steps that are given in the order in which they were done."""
    return tuple(_order(list(done)))


def _order(done: list[AnyStep]) -> Iterator[Undo]:
    early: set[str] = set()
    while done:
        step = done.pop()
        for other, keys in _first(done, step):
            if other.id not in early:
                early.add(other.id)
                yield Undo(other, keys, last=False)
        yield Undo(step)


def _first(earlier: Sequence[AnyStep], step: AnyStep) -> Iterator[tuple[AnyStep, frozenset[str]]]:
    """What of earlier steps is undone before this one, so that new pods have sidecars."""
    waits = isinstance(step, WaitForJobs)
    if waits or step.disruption is Disruption.RESTART:
        for flip in _flips(earlier, step.target.namespace):
            yield flip, _INJECTION & flip.labels.keys()
    for other in earlier if waits else ():
        if isinstance(other, PatchTemplate) and other.target == step.target:
            yield other, frozenset({*other.labels, *other.annotations})


def _flips(earlier: Sequence[AnyStep], namespace: str) -> Iterator[SetLabels]:
    for step in earlier:
        if (
            isinstance(step, SetLabels)
            and step.target.ref.group_kind == kinds.NAMESPACE
            and step.target.name == namespace
            and step.labels.keys() & _INJECTION
        ):
            yield step
