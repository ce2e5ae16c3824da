"""The file beside the plan: lines that a crash cannot tear, readable by its owner only."""

import os
import stat

import pytest

from migrator.adapters.journal_file import JournalFile, beside
from migrator.engine.lines import encode
from migrator.errors import MigrateError
from migrator.model.journal import Entry, Event


def entry(number, says=""):
    return Entry(
        number=number, time="2026-01-01T00:00:00Z", run="me", event=Event.APPLIED,
        subject="flip.shop", says=says,
    )  # fmt: skip


@pytest.fixture
def path(tmp_path):
    return beside(tmp_path / "plan.yaml")


def written(path, *numbers):
    journal = JournalFile(path)
    for number in numbers:
        journal.append(entry(number))
    return journal


def test_it_is_beside_the_plan(tmp_path):
    assert beside(tmp_path / "plan.yaml") == tmp_path / "plan.journal"


def test_a_file_that_is_not_there_has_no_entries(path):
    assert JournalFile(path).entries() == ()
    assert not path.exists()


def test_what_was_appended_is_read_by_another_process(path):
    written(path, 1, 2)

    assert JournalFile(path).entries() == (entry(1), entry(2))


def test_only_its_owner_may_read_it(path):
    written(path, 1)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600

    JournalFile(path).replace([entry(5)])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("length", range(1, len(encode(entry(2))) + 1, 7))
def test_a_line_that_a_crash_cut_is_none_and_goes_with_the_next(path, length):
    journal = written(path, 1)
    with path.open("ab") as file:
        file.write(encode(entry(2)).encode()[:length])
    torn = path.read_bytes()

    assert journal.entries() == (entry(1),)
    assert path.read_bytes() == torn, "who only reads changes nothing"

    journal.append(entry(2, "again"))
    assert JournalFile(path).entries() == (entry(1), entry(2, "again"))


def test_a_file_of_one_cut_line_is_empty(path):
    path.write_bytes(encode(entry(1)).encode()[:20])

    assert JournalFile(path).entries() == ()
    assert written(path, 1).entries() == (entry(1),)


def test_a_whole_line_that_is_none_is_refused(path):
    written(path, 1)
    with path.open("ab") as file:
        file.write(b"not a line\n")

    with pytest.raises(MigrateError, match="cannot be read"):
        JournalFile(path).entries()


def test_it_is_replaced_whole(path):
    journal = written(path, 1, 2, 3)

    journal.replace([entry(1), entry(9)])

    assert journal.entries() == (entry(1), entry(9))
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_every_entry_is_on_the_disk_when_append_returns(path, monkeypatch):
    synced = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (synced.append(os.fstat(fd).st_ino), real(fd))[1])
    written(path, 1)

    assert synced == [path.stat().st_ino, path.parent.stat().st_ino]  # the folder: it is new

    synced.clear()
    written(path, 2)
    assert synced == [path.stat().st_ino]


@pytest.mark.parametrize("act", ["append", "replace", "entries"])
def test_a_place_that_cannot_be_used_is_an_error_with_its_path(tmp_path, act):
    path = tmp_path / "plan.journal"
    path.mkdir()
    journal = JournalFile(path)
    calls = {
        "append": lambda: journal.append(entry(1)),
        "replace": lambda: journal.replace([entry(1)]),
        "entries": journal.entries,
    }

    with pytest.raises(MigrateError, match="cannot be kept") as error:
        calls[act]()

    assert str(path) in error.value.detail
