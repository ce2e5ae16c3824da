"""One field, or one object: what is recorded before a step, what it writes, and what puts it back."""

import pytest

from migrator.model import writes as fields
from migrator.model.writes import Write

LABELS = ("metadata", "labels")
OBJECT = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "a", "labels": {"app": "a"}, "uid": "1", "resourceVersion": "7"},
    "spec": {"ports": [{"port": 80}]},
    "status": {"loadBalancer": {}},
}


def write(key, value, old=None):
    return Write(path=(*LABELS, key), value=value, old=old)


@pytest.mark.parametrize(
    ("live", "writes"),
    [
        pytest.param(OBJECT, [write("x", "1")], id="a label that was absent"),
        pytest.param(OBJECT, [write("app", None, "a")], id="a label that goes"),
        pytest.param(OBJECT, [write("app", "b", "a"), write("y", "2")], id="two at once"),
        pytest.param({"metadata": {"name": "a"}}, [write("x", "1")], id="no labels at all"),
        pytest.param(OBJECT, [Write(path=("spec",), value={"ports": []})], id="a whole spec"),
    ],
)
def test_restoring_what_was_captured_gives_the_object_back(live, writes):
    """undo . apply = identity, to the byte."""
    before = fields.image(live, writes)
    done = fields.written(live, writes)

    assert fields.holds(done, writes)
    assert fields.restored(done, before) == live


def test_a_created_object_is_undone_by_deleting_it():
    manifest = {"metadata": {"name": "g"}, "spec": {}}
    writes = [Write(path=(), value=manifest)]

    assert fields.restored(fields.written(None, writes), fields.image(None, writes)) is None


def test_a_deleted_object_is_recorded_whole_but_for_what_the_server_writes():
    """Creating it again with uid or resourceVersion would be refused."""
    before = fields.image(OBJECT, [Write(path=())])

    assert before[0].value == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "a", "labels": {"app": "a"}},
        "spec": {"ports": [{"port": 80}]},
    }


@pytest.mark.parametrize(
    ("found", "foreign"),
    [
        pytest.param(None, False, id="as planned: absent"),
        pytest.param("ambient", False, id="as the step wants it: somebody was faster"),
        pytest.param("none", True, id="neither"),
    ],
)
def test_a_third_value_is_foreign(found, foreign):
    live = {"metadata": {"labels": {"mode": found} if found else {}}}

    assert bool(list(fields.foreign(live, [write("mode", "ambient")]))) is foreign


def test_a_field_that_somebody_changed_after_us_is_not_restored_over():
    writes = [write("app", "b", "a")]
    before = fields.image(OBJECT, writes)
    live = fields.written(OBJECT, [write("app", "theirs")])

    assert list(fields.changed_since(live, writes, before)) == [((*LABELS, "app"), "b", "theirs")]


def test_what_the_server_adds_to_a_created_object_is_no_change():
    ours = {"metadata": {"name": "g", "labels": {}}, "spec": {"rules": [{"to": []}]}}
    live = {
        "metadata": {"name": "g", "labels": {}, "uid": "9"},
        "spec": {"rules": [{"to": []}], "defaulted": True},
    }

    assert fields.holds(live, [Write(path=(), value=ours)])


def test_a_list_that_grew_is_a_change():
    """A rule more in a policy is not what the step made."""
    ours = {"metadata": {"name": "g"}, "spec": {"rules": [{"to": []}]}}
    live = {"metadata": {"name": "g"}, "spec": {"rules": [{"to": []}, {"from": []}]}}

    assert not fields.holds(live, [Write(path=(), value=ours)])


def test_an_empty_rule_is_not_the_same_as_none():
    """`rules: [{}]` lets everybody in, no rules nobody."""
    writes = [Write(path=("spec",), value={"rules": [{}]}, old={})]

    assert not fields.holds({"spec": {}}, writes)
    assert not fields.holds({"spec": {"rules": []}}, writes)


def test_a_deleted_object_that_is_there_again_is_restored_as_it_stands():
    """A rollback that was killed after it made the object again has nothing left to write."""
    writes = [Write(path=())]
    before = fields.image(OBJECT, writes)
    again = {**OBJECT, "metadata": {**OBJECT["metadata"], "uid": "other", "resourceVersion": "9"}}

    assert fields.restored(None, before) == before[0].value
    assert fields.restored(again, before) == again
