"""Simulated time: nothing waits, and every act comes at its own moment."""

from datetime import timedelta

from migrator.adapters.fake import FakeClock


def test_acts_come_in_the_order_of_their_times_and_see_them():
    clock = FakeClock()
    start, seen = clock.now(), []

    def note(name):
        seen.append((name, (clock.now() - start).total_seconds()))

    clock.after(2, lambda: note("late"))
    clock.after(1, lambda: note("early"))
    clock.after(1, lambda: note("second"))
    clock.after(1, lambda: clock.after(0.5, lambda: note("asked for later")))
    clock.sleep(1.7)

    assert seen == [("early", 1), ("second", 1), ("asked for later", 1.5)]
    assert clock.now() - start == timedelta(seconds=1.7)


def test_settling_ends_with_the_last_act_or_in_time():
    clock = FakeClock()
    start = clock.now()
    clock.after(3, lambda: None)
    clock.after(100, lambda: None)

    clock.settle(50)
    assert clock.now() - start == timedelta(seconds=3)
    clock.settle()
    assert clock.now() - start == timedelta(seconds=100)


def test_a_sleep_of_nothing_does_what_is_due():
    clock, seen = FakeClock(), []
    clock.after(0, lambda: seen.append(1))

    clock.sleep(0)

    assert seen == [1]
