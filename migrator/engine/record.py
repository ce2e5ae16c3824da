"""The record of a plan's runs, in two places: ConfigMaps of the cluster, and a file beside the plan.

Either alone is enough to go on, or to roll back, also from another machine. An entry is written to the
file first and then to the cluster, and only then may what it announces be done; so whatever the file
has more than the cluster was never done, and where both differ the cluster is right.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol

from migrator.errors import ConflictError, LockHeldError, MigrateError, UnknownOutcomeError
from migrator.istio import kinds
from migrator.model.journal import Entry
from migrator.model.resource import Ref
from migrator.planner.plan import Plan
from migrator.ports import Body, Cluster

from .lines import Packed, unpack

PLAN_LABEL: Final = "migrate/plan"
STANDING: Final = "migrate/standing"
_KEY = "entries.jsonl.gz"
_MAX_BYTES = 256 * 1024  # of one write; the API server takes 1 MiB
_FULL_BYTES = 64 * 1024  # of a ConfigMap, which is sent whole for each entry
_TRIES = 5
_MANAGED = {"app.kubernetes.io/managed-by": "migrate"}


class Journal(Protocol):
    """The file beside the plan."""

    def entries(self) -> Sequence[Entry]: ...

    def append(self, entry: Entry) -> None:
        """Write, flush and sync; raises MigrateError when that fails."""

    def replace(self, entries: Iterable[Entry]) -> None:
        """Make the file hold just these."""


def plan_id(plan: Plan) -> str:
    """What stays the same when acknowledgements, gates or the order of waves are edited: the steps."""
    steps = sorted(step.model_dump_json() for _, _, step in plan.steps())
    text = "\n".join((plan.header.snapshot, *steps))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


class ClusterRecord:
    """Entries in ConfigMaps `migrate-<plan>-<number>`, compressed, a new one when the last is large."""

    def __init__(self, cluster: Cluster, namespace: str, plan: str) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._plan = plan
        self._last: list[Entry] | None = None
        self._packed = Packed()  # `_last`, as it is kept
        self._number = 0
        self._version = ""

    def entries(self) -> tuple[Entry, ...]:
        """Raises MigrateError when one of the ConfigMaps is damaged, or gone."""
        found: list[Entry] = []
        self._last, self._number, self._version = [], 0, ""
        for body in self._config_maps():
            number = int(body["metadata"]["name"].rpartition("-")[2])
            if number != self._number + 1:
                raise _damaged(self._ref(self._number + 1).name, "it is not there")
            self._number, self._version = number, _version(body)
            self._last = _unpacked(body)
            found.extend(self._last)
        self._packed = Packed(self._last)
        return tuple(found)

    def append(self, *entries: Entry) -> None:
        """Raises LockHeldError when another run has written since: its entries are never overwritten.

        Several entries are one write, but for those that are too large for it.

        A write that met another, or whose answer was lost, is decided by what is there now.
        """
        before = list(self._entries_of_last())
        for left in reversed(range(_TRIES)):
            try:
                self._append(entries)
            except (ConflictError, UnknownOutcomeError):
                self.entries()
                found = list(self._entries_of_last())
                if found in ([*before, *entries], [*entries]):
                    return
                if found != before:
                    raise self._another_run() from None
                if not left:
                    raise
            else:
                return

    def _entries_of_last(self) -> list[Entry]:
        if self._last is None:
            self.entries()
        return self._last or []

    def _append(self, entries: Sequence[Entry]) -> None:
        last = [*self._entries_of_last(), *entries]
        packed = self._packed.plus(entries)
        text = packed.text()
        if self._number == 0 or len(text) > _FULL_BYTES:
            last, packed = [*entries], Packed(entries)
            stored = self._cluster.create(self._config_map(self._number + 1, packed.text()))
            self._number += 1
        else:
            patch = {"binaryData": {_KEY: text}}
            stored = self._cluster.patch(self._ref(self._number), patch, version=self._version)
        self._last, self._packed, self._version = last, packed, _version(stored)

    def _another_run(self) -> LockHeldError:
        return LockHeldError(
            "Another run writes the same record",
            detail=f"{self._ref(self._number)} has changed since this run wrote it.",
            hint="migrate status PLAN",
        )

    def set_standing(self, standing: str) -> None:
        """`open`, `done` or `rolled-back`, for other plans to see; nothing when there is no record."""
        for left in reversed(range(_TRIES)):
            first = next(iter(self._config_maps()), None)
            if first is None or first["metadata"]["labels"].get(STANDING) == standing:
                return
            patch = {"metadata": {"labels": {STANDING: standing}}}
            try:
                stored = self._cluster.patch(self._ref(1), patch, version=_version(first))
            except (ConflictError, UnknownOutcomeError):
                if not left:
                    raise
            else:
                if self._number == 1:
                    self._version = _version(stored)

    def others(self) -> tuple[str, ...]:
        """Ids of other plans whose record is open."""
        found = self._cluster.list(
            kinds.CONFIG_MAP, self._namespace, {**_MANAGED, STANDING: "open"}
        )
        ids = {body["metadata"]["labels"].get(PLAN_LABEL, "?") for body in found}
        return tuple(sorted(ids - {self._plan}))

    def _config_maps(self) -> list[Body]:
        labels = {**_MANAGED, PLAN_LABEL: self._plan}
        found = self._cluster.list(kinds.CONFIG_MAP, self._namespace, labels)
        return sorted(found, key=lambda body: str(body["metadata"]["name"]))

    def _ref(self, number: int) -> Ref:
        return Ref(*kinds.CONFIG_MAP, self._namespace, f"migrate-{self._plan}-{number:04}")

    def _config_map(self, number: int, text: str) -> Body:
        ref = self._ref(number)
        labels = {**_MANAGED, PLAN_LABEL: self._plan}
        if number == 1:
            labels[STANDING] = "open"
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": ref.name, "namespace": ref.namespace, "labels": labels},
            "binaryData": {_KEY: text},
        }


class Record:
    """Both places as one: `entries` reads both, `settle` makes them the same, `append` writes both."""

    def __init__(self, journal: Journal, cluster: ClusterRecord) -> None:
        self._journal = journal
        self._cluster = cluster

    def entries(self) -> tuple[Entry, ...]:
        local, remote = self._both()
        return local if local[: len(remote)] == remote else remote

    def settle(self) -> tuple[Entry, ...]:
        local, remote = self._both()
        if local[: len(remote)] != remote:
            self._journal.replace(remote)
            return remote
        for entries in _parts(local[len(remote) :]):
            self._cluster.append(*entries)
        return local

    def _both(self) -> tuple[tuple[Entry, ...], tuple[Entry, ...]]:
        return tuple(self._journal.entries()), self._cluster.entries()

    def append(self, entry: Entry) -> None:
        self._journal.append(entry)
        self._cluster.append(entry)


def _parts(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """All at once if that is possible: half of a record that was deleted would be taken for the whole."""
    if len(entries) > 1 and len(Packed(entries).text()) > _MAX_BYTES:
        middle = len(entries) // 2
        yield from _parts(entries[:middle])
        yield from _parts(entries[middle:])
    elif entries:
        yield entries


def _version(body: Body) -> str:
    return str(body["metadata"].get("resourceVersion", ""))


def _unpacked(body: Body) -> list[Entry]:
    try:
        return unpack(body["binaryData"][_KEY])
    except (KeyError, ValueError) as error:
        raise _damaged(body["metadata"]["name"], str(error)) from error


def _damaged(name: str, says: str) -> MigrateError:
    return MigrateError(
        "The record in the cluster is damaged",
        detail=f"ConfigMap {name}: {says}",
        hint="Keep the .journal file beside the plan, delete the plan's ConfigMaps, and run again.",
    )
