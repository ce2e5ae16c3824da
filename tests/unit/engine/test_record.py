"""The record's two places: each alone is enough, the cluster's wins, and no entry is ever overwritten."""

import gzip
from base64 import b64decode, b64encode

import pytest

from migrator.adapters.fake import FakeCluster, KilledError, MemoryJournal
from migrator.engine import record as module
from migrator.engine.lines import decode, encode
from migrator.engine.record import ClusterRecord, Record
from migrator.errors import (
    ClusterError,
    ForbiddenError,
    LockHeldError,
    MigrateError,
    UnknownOutcomeError,
)
from migrator.istio import kinds
from migrator.model.journal import Entry, Event
from migrator.model.resource import Ref

ROOT = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "istio-system"}}
KEY = "entries.jsonl.gz"


def entry(number, subject="move.shop", run="ann@laptop/1", says=""):
    return Entry(
        number=number, time="2026-01-01T00:00:00Z", run=run, event=Event.VERIFIED,
        subject=subject, says=says,
    )  # fmt: skip


def entries(*numbers):
    return tuple(map(entry, numbers))


@pytest.fixture
def cluster():
    return FakeCluster([ROOT])


def place(cluster, plan="0a1b2c"):
    return ClusterRecord(cluster, "istio-system", plan)


def both(cluster, journal):
    return Record(journal, place(cluster))


def journal_of(found):
    journal = MemoryJournal()
    journal.replace(found)
    return journal


def filled(cluster, found):
    record = place(cluster)
    for one in found:
        record.append(one)


def config_map(number):
    return Ref(*kinds.CONFIG_MAP, "istio-system", f"migrate-0a1b2c-{number:04}")


# -- the cluster's place


def test_what_was_appended_is_read_by_another_process(cluster):
    filled(cluster, entries(1, 2, 3))

    assert place(cluster).entries() == entries(1, 2, 3)
    assert place(cluster, "other").entries() == ()


def test_many_entries_take_several_config_maps_each_below_the_limit(cluster, monkeypatch):
    monkeypatch.setattr(module, "_FULL_BYTES", 500)
    noise = [entry(n, says=str(hash((n, "noise"))) * 4) for n in range(1, 41)]
    filled(cluster, noise)

    maps = cluster.list(kinds.CONFIG_MAP, "istio-system")
    assert len(maps) > 2
    assert max(len(one["binaryData"][KEY]) for one in maps) <= 500
    assert place(cluster).entries() == tuple(noise)
    assert [one["metadata"]["labels"].get("migrate/standing") for one in maps] == [
        "open", *[None] * (len(maps) - 1),
    ]  # fmt: skip


def test_an_entry_that_is_large_alone_is_kept(cluster, monkeypatch):
    monkeypatch.setattr(module, "_FULL_BYTES", 10)
    filled(cluster, entries(1, 2))

    assert place(cluster).entries() == entries(1, 2)


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("there", [0, 2], ids=["the first entry", "a later one"])
def test_an_append_whose_answer_was_lost_is_kept_once(cluster, there, stored):
    record = place(cluster)
    for one in entries(*range(1, there + 1)):
        record.append(one)
    cluster.faults.fail(UnknownOutcomeError("the connection broke"), stored=stored)

    record.append(entry(there + 1))
    record.append(entry(there + 2))

    assert place(cluster).entries() == entries(*range(1, there + 3))


@pytest.mark.parametrize("stored", [True, False])
def test_a_new_config_map_whose_answer_was_lost_is_made_once(cluster, stored, monkeypatch):
    monkeypatch.setattr(module, "_FULL_BYTES", 10)
    record = place(cluster)
    record.append(entry(1))
    cluster.faults.fail(UnknownOutcomeError("the connection broke"), stored=stored)

    record.append(entry(2))
    record.append(entry(3))

    assert place(cluster).entries() == entries(1, 2, 3)


def test_an_append_that_is_never_answered_says_so(cluster):
    cluster.faults.fail(UnknownOutcomeError("the connection broke"), 99)

    with pytest.raises(UnknownOutcomeError):
        place(cluster).append(entry(1))


@pytest.mark.parametrize("there", [0, 2], ids=["the first entry", "a later one"])
def test_two_runs_never_overwrite_each_other(cluster, there):
    filled(cluster, entries(*range(1, there + 1)))
    mine, theirs = place(cluster), place(cluster)
    mine.entries()
    theirs.append(entry(there + 1, run="bob@desk/2"))

    with pytest.raises(LockHeldError, match="Another run"):
        mine.append(entry(there + 1))

    assert place(cluster).entries()[-1].run == "bob@desk/2"


def test_somebodys_label_in_between_is_no_other_run(cluster):
    record = place(cluster)
    record.append(entry(1))
    cluster.meddle(config_map(1), {"metadata": {"labels": {"team": "mesh"}}})

    record.append(entry(2))

    assert place(cluster).entries() == entries(1, 2)


@pytest.mark.parametrize("error", [ForbiddenError("refused"), ClusterError("answered 507")])
def test_what_cannot_be_kept_is_an_error(cluster, error):
    cluster.faults.fail(error)

    with pytest.raises(type(error)):
        place(cluster).append(entry(1))


def _no_key(_packed):
    return {KEY: None, "other": "eA=="}


def _no_base64(_packed):
    return {KEY: "***"}


def _empty(_packed):
    return {KEY: ""}


def _no_gzip(_packed):
    return {KEY: b64encode(b"plain").decode()}


def _half(packed):
    return {KEY: b64encode(b64decode(packed)[:-12]).decode()}


def _bits(packed):
    whole = bytearray(b64decode(packed))
    whole[14] ^= 0xFF
    return {KEY: b64encode(bytes(whole)).decode()}


@pytest.mark.parametrize("damage", [_no_key, _empty, _no_base64, _no_gzip, _half, _bits])
def test_a_damaged_config_map_is_said_with_its_name(cluster, damage):
    filled(cluster, entries(1, 2))
    data = damage(cluster.get(config_map(1))["binaryData"][KEY])
    cluster.meddle(config_map(1), {"binaryData": data})

    with pytest.raises(MigrateError, match="damaged") as error:
        place(cluster).entries()

    assert "migrate-0a1b2c-0001" in error.value.detail


def test_lines_of_another_version_are_refused(cluster):
    filled(cluster, entries(1))
    text = b64encode(gzip.compress(b'{"number": "one"}\n')).decode()
    cluster.meddle(config_map(1), {"binaryData": {KEY: text}})

    with pytest.raises(MigrateError, match="cannot be read"):
        place(cluster).entries()


@pytest.mark.parametrize("gone", [1, 2])
def test_a_config_map_that_is_gone_from_the_middle_is_damage(cluster, gone, monkeypatch):
    """What follows it would be taken for the whole, without the images of what came before."""
    monkeypatch.setattr(module, "_FULL_BYTES", 10)
    filled(cluster, entries(1, 2, 3))
    cluster.meddle_delete(config_map(gone))

    with pytest.raises(MigrateError, match="damaged") as error:
        place(cluster).entries()

    assert f"migrate-0a1b2c-000{gone}: it is not there" in error.value.detail


# -- its standing, which other plans see


def test_other_plans_see_one_that_is_open(cluster):
    record = place(cluster)
    record.append(entry(1))
    assert place(cluster, "other").others() == ("0a1b2c",)
    assert record.others() == ()

    for standing in ("done", "rolled-back"):
        record.set_standing(standing)
        assert place(cluster, "other").others() == ()

    record.set_standing("open")
    assert place(cluster, "other").others() == ("0a1b2c",)
    record.append(entry(2))
    assert place(cluster).entries() == entries(1, 2)


def test_a_standing_that_is_so_already_is_not_written(cluster):
    record = place(cluster)
    record.set_standing("done")
    record.append(entry(1))
    record.set_standing("open")

    assert len(cluster.writes) == 1


@pytest.mark.parametrize("stored", [True, False])
def test_a_standing_whose_answer_was_lost_is_written(cluster, stored):
    record = place(cluster)
    record.append(entry(1))
    cluster.faults.fail(UnknownOutcomeError("the connection broke"), stored=stored)

    record.set_standing("done")
    record.append(entry(2))

    assert place(cluster, "other").others() == ()
    assert place(cluster).entries() == entries(1, 2)


# -- both places


@pytest.mark.parametrize(
    ("local", "remote", "right"),
    [
        pytest.param((), (), (), id="nothing yet"),
        pytest.param((1, 2), (1, 2), (1, 2), id="the same"),
        pytest.param((1, 2), (), (1, 2), id="the ConfigMaps were deleted"),
        pytest.param((), (1, 2), (1, 2), id="another machine, or the file was deleted"),
        pytest.param((1, 2, 3), (1, 2), (1, 2, 3), id="killed between the two places"),
        pytest.param((1,), (1, 2, 3), (1, 2, 3), id="went on from another machine"),
    ],
)
def test_where_one_place_is_behind_the_other_fills_it(cluster, local, remote, right):
    journal = journal_of(entries(*local))
    filled(cluster, entries(*remote))
    record = both(cluster, journal)
    writes = len(cluster.writes)

    assert record.entries() == entries(*right)
    assert journal.entries() == entries(*local), "who only reads changes nothing"
    assert len(cluster.writes) == writes

    assert record.settle() == entries(*right)
    assert journal.entries() == entries(*right)
    assert place(cluster).entries() == entries(*right)


def test_a_record_that_was_deleted_is_there_again_by_one_write(cluster):
    """Half of it would be taken for the whole by another machine, should this one be killed now."""
    journal = journal_of(entries(*range(1, 40)))

    both(cluster, journal).settle()

    assert len(cluster.writes) == 1
    assert place(cluster).entries() == journal.entries()


def test_a_deleted_record_that_is_large_is_there_again_in_parts(cluster, monkeypatch):
    monkeypatch.setattr(module, "_MAX_BYTES", 400)
    journal = journal_of([entry(n, says=str(n) * 90) for n in range(1, 40)])

    both(cluster, journal).settle()

    assert len(cluster.writes) > 1
    assert place(cluster).entries() == journal.entries()


def test_where_both_differ_the_cluster_is_right(cluster):
    """Killed on the laptop between file and cluster; then another machine went on."""
    journal = journal_of(entries(1, 2))
    elsewhere = (entry(1), entry(2, "move.bank", "bob@desk/2"), entry(3, "move.bank", "bob@desk/2"))
    filled(cluster, elsewhere)
    record = both(cluster, journal)

    assert record.entries() == elsewhere
    assert record.settle() == elsewhere
    assert journal.entries() == elsewhere


class _Unwritable(MemoryJournal):
    def append(self, entry):
        raise MigrateError(f"no space left for {entry.number}")


def test_the_file_comes_first_and_the_cluster_has_nothing_that_it_lacks(cluster):
    with pytest.raises(MigrateError, match="no space left"):
        both(cluster, _Unwritable()).append(entry(1))

    assert place(cluster).entries() == ()


def test_killed_between_the_places_the_entry_is_in_the_file(cluster):
    journal = MemoryJournal()
    record = both(cluster, journal)
    cluster.faults.kill(1, after=False)

    with pytest.raises(KilledError):
        record.append(entry(1))

    cluster.faults.revive()
    assert journal.entries() == entries(1)
    assert place(cluster).entries() == ()
    assert both(cluster, journal).settle() == entries(1)
    assert place(cluster).entries() == entries(1)


# -- one line


def test_a_line_is_read_as_it_was_written():
    one = entry(7, says="it's “so”\nand so")

    assert decode(encode(one)) == one
    assert "\n" not in encode(one)


@pytest.mark.parametrize("line", ["", "{", "[]", "null", '{"number": 1}', b"\xff\xfe"])
def test_a_line_that_is_none_is_refused(line):
    with pytest.raises(MigrateError, match="cannot be read"):
        decode(line)
