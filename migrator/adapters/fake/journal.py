"""The journal of a simulation: it lives as long as the process."""

from collections.abc import Iterable

from migrator.model.journal import Entry


class MemoryJournal:
    """What `JournalFile` does, without a file."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []

    def entries(self) -> tuple[Entry, ...]:
        return tuple(self._entries)

    def append(self, entry: Entry) -> None:
        self._entries.append(entry)

    def replace(self, entries: Iterable[Entry]) -> None:
        self._entries = list(entries)
