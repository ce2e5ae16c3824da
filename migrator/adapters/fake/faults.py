"""What goes wrong, when a test asks for it: kills, conflicts, errors, refusals, a data plane that stalls."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from migrator.errors import (
    ClusterError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    UnknownOutcomeError,
    UnreachableError,
)
from migrator.model.resource import GroupKind, Ref

Verb = Literal["create", "patch", "delete"]
Cni = Literal["enabled", "pending", "never"]


class Write(NamedTuple):
    """A change that somebody asked for: the manifest of a create, the patch of a patch."""

    verb: Verb
    ref: Ref
    change: Mapping[str, Any] | None = None


class KilledError(BaseException):
    """The process ends here. No `except Exception` holds it, and no `finally` can write any more."""


class _Failure(NamedTuple):
    error: ClusterError
    stored: bool
    match: Callable[[Write], bool]


@dataclass
class Faults:
    """All off at first. `before_write` is called with every write, before it: tests make drift there."""

    before_write: Callable[[Write], None] = lambda _: None
    cni: Cni = "enabled"
    cni_seconds: float = 0.5
    unready: set[Ref] = field(default_factory=set)  # workloads whose pods do not become Ready
    unreachable: bool = False  # the API server, for reading and writing
    dead: bool = False
    _kill_at: int = 0
    _kill_after: bool = False
    _kill_match: Callable[[Write], bool] = lambda _: True
    _failures: list[_Failure] = field(default_factory=list)
    _refusals: list[tuple[Callable[[Write], bool], str]] = field(default_factory=list)
    _forbidden: set[tuple[str, GroupKind]] = field(default_factory=set)

    def kill(
        self, at: int, *, after: bool, match: Callable[[Write], bool] = lambda _: True
    ) -> None:
        """End the process at its write number `at` from now (the first is 1), before or after it.

        Only writes that `match` are counted.
        """
        self._kill_at, self._kill_after, self._kill_match = at, after, match

    def revive(self) -> None:
        """A new process: the one that was killed is gone."""
        self.dead, self._kill_at = False, 0

    def fail(
        self,
        error: ClusterError,
        times: int = 1,
        *,
        stored: bool = False,
        match: Callable[[Write], bool] = lambda _: True,
    ) -> None:
        """Answer the next writes that `match` with `error`; with `stored` they are made all the same."""
        self._failures += [_Failure(error, stored, match)] * times

    def lose(self, times: int = 1, match: Callable[[Write], bool] = lambda _: True) -> None:
        """The next writes that `match` are made, and their answers are lost."""
        error = UnknownOutcomeError("the connection broke during a change", detail="simulated")
        self.fail(error, times, stored=True, match=match)

    def conflict(self, times: int = 1, match: Callable[[Write], bool] = lambda _: True) -> None:
        """As if somebody else had written in between."""
        self.fail(ConflictError("the object was changed by someone else"), times, match=match)

    def refuse(self, says: str, match: Callable[[Write], bool]) -> None:
        """Admission refuses writes that `match`, in dry runs too, until `allow`."""
        self._refusals.append((match, says))

    def allow(self) -> None:
        self._refusals.clear()
        self._forbidden.clear()

    def forbid(self, verb: str, kind: GroupKind) -> None:
        """Take a permission away: `may` says so, and an attempt is refused."""
        self._forbidden.add((verb, kind))

    def may(self, verb: str, kind: GroupKind) -> bool:
        return (verb, kind) not in self._forbidden

    def on_read(self, verb: str, kind: GroupKind) -> None:
        """Raises what a read meets."""
        if self.dead:
            raise KilledError
        if self.unreachable:
            raise UnreachableError("the cluster does not answer", detail="simulated")
        if not self.may(verb, kind):
            raise ForbiddenError("the API server refuses this user", detail=f"{verb} {kind}")

    def on_admission(self, write: Write) -> None:
        """Raises what a write or its dry run meets."""
        self.on_read(write.verb, write.ref.group_kind)
        for match, says in self._refusals:
            if match(write):
                raise InvalidError("the API server refuses this object or change", detail=says)

    def on_write(self, write: Write, store: Callable[[], None]) -> None:
        """Make the write by `store`, unless something comes between."""
        self.before_write(write)
        counted = self._kill_match(write)
        self._kill_at -= counted
        ends = counted and self._kill_at == 0
        if ends and not self._kill_after:
            self.dead = True
            raise KilledError
        failure = self._next(write)
        if failure is None or failure.stored:
            store()
        if ends:
            self.dead = True
            raise KilledError
        if failure is not None:
            raise failure.error

    def _next(self, write: Write) -> _Failure | None:
        found = next((f for f in self._failures if f.match(write)), None)
        if found is not None:
            self._failures.remove(found)
        return found
