"""What the entries of a record add up to."""

import pytest

from migrator.model.journal import Entry, Event, Progress

DONE = ("captured", "applied", "verified")


def progress(*events):
    return Progress(
        Entry(number=n, time="2026-01-01T00:00:00Z", run="me", event=Event(event), subject=subject)
        for n, (event, subject) in enumerate(events, 1)
    )


def wave(name):
    """A wave of one step, walked to its checkpoint."""
    steps = [(event, f"step-of-{name}") for event in DONE]
    return [*steps, ("passed", f"{name}/gate-0-soak"), ("checkpoint", name)]


@pytest.mark.parametrize("events", [["undoing"], ["undoing", "undone"]])
def test_an_undo_takes_back_what_was_passed_since_its_step_began_and_nothing_before(events):
    found = progress(*wave("one"), *wave("two"), *[(event, "step-of-two") for event in events])
    assert found.has_passed("one")
    assert found.has_passed("one/gate-0-soak")
    assert not found.has_passed("two")
    assert not found.has_passed("two/gate-0-soak")


def test_a_wave_that_was_undone_and_walked_again_is_passed():
    undone = [("undoing", "step-of-two"), ("undone", "step-of-two")]
    found = progress(*wave("one"), *wave("two"), *undone, *wave("two"))
    assert found.has_passed("two")


def test_the_undo_of_the_first_step_takes_everything_back():
    found = progress(*wave("one"), *wave("two"), ("undoing", "step-of-one"))
    assert not found.has_passed("one")
    assert not found.has_passed("two")
