"""Every write of a whole run, there and back, met by each answer that an API server can give.

What the answer does not decide, the object does: a run goes on by itself where it can be sure, and the
same command goes on where it stopped.
"""

import pytest

from migrator.errors import (
    ClusterError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    LockHeldError,
    MigrateError,
    UnknownOutcomeError,
    UnreachableError,
)
from tests.runs import World


@pytest.fixture(scope="module")
def straight(planned):
    """The images of a run to which nothing happens, and the numbers of its writes."""
    world = World(*planned)
    world.apply()
    there, applied = len(world.cluster.writes), world.image(times=False)
    world.rollback()
    assert world.image() == world.start
    return applied, there, len(world.cluster.writes)


class Nth:
    """Matches one write, counted from now."""

    def __init__(self, number):
        self.left = number
        self.met = None

    def __call__(self, write):
        self.left -= 1
        if self.left == 0:
            self.met = write
        return self.left == 0


def all_of(straight, back):
    _, there, everything = straight
    return range(1, (everything - there if back else there) + 1)


GOES_ON = {
    "lost, and made": (UnknownOutcomeError("the connection broke"), True),
    "lost, and not made": (UnknownOutcomeError("the connection broke"), False),
    "409": (ConflictError("the object was changed by someone else"), False),
}


@pytest.mark.parametrize("back", [False, True], ids=["apply", "rollback"])
@pytest.mark.parametrize(("error", "stored"), GOES_ON.values(), ids=GOES_ON)
def test_a_run_goes_on_by_itself(planned, straight, error, stored, back):
    for number in list(all_of(straight, back))[:: 1 if stored else 3]:
        world = World(*planned)
        if back:
            world.apply()
        nth = Nth(number)
        world.cluster.faults.fail(error, stored=stored, match=nth)

        world.rollback() if back else world.apply()

        assert nth.met, number
        if back:
            assert world.image() == world.start, nth.met
        else:
            assert world.image(times=False) == straight[0], nth.met


STOPS = {
    "403": ForbiddenError("the API server refuses this user"),
    "422": InvalidError("the API server refuses this object or change"),
    "507": ClusterError("the API server cannot answer"),
    "nobody there": UnreachableError("the cluster does not answer"),
}


@pytest.mark.parametrize("back", [False, True], ids=["apply", "rollback"])
@pytest.mark.parametrize("error", STOPS.values(), ids=STOPS)
def test_a_run_that_stopped_goes_on_by_the_same_command(planned, straight, error, back):
    """Renewing the Lease while waiting, and giving it back, stop nobody; the Lease expires."""
    for number in list(all_of(straight, back))[:: 2 if error is STOPS["422"] else 9]:
        world = World(*planned)
        if back:
            world.apply()
        command = world.rollback if back else world.apply
        nth = Nth(number)
        world.cluster.faults.fail(error, match=nth)

        try:
            command()
        except MigrateError:
            before = len(world.cluster.writes)
            command()
            assert len(world.cluster.writes) > before, nth.met
        else:
            assert nth.met.ref.kind == "Lease", nth.met

        if back:
            assert world.image() == world.start, nth.met
        else:
            assert world.image(times=False) == straight[0], nth.met


@pytest.mark.parametrize("back", [False, True], ids=["apply", "rollback"])
def test_a_lease_that_is_lost_stops_the_run_before_its_next_change(planned, straight, back):
    """Another run took it in the middle of a write that took too long: no object is changed any more."""
    stopped = 0
    for number in list(all_of(straight, back))[::3]:
        world = World(*planned)
        if back:
            world.apply()
        other = World(*planned)
        other.cluster, other.clock, other.who = world.cluster, world.clock, "you@there/2"
        first = len(world.cluster.writes) + number

        def take(_write, world=world, other=other, first=first):
            if len(world.cluster.writes) + 1 == first:
                world.cluster.faults.before_write = lambda _: None
                world.clock.sleep(100)
                other.job().run.lock.acquire()

        world.cluster.faults.before_write = take
        try:
            world.rollback() if back else world.apply()
        except LockHeldError:
            stopped += 1
            # the Lease that the other run took is one of them; then the write that took so long
            assert [w.ref for w in world.cluster.writes[first + 1 :] if not _is_own(w)] == []
    assert stopped > 10


def _is_own(write):
    return write.ref.kind == "Lease" or write.ref.name.startswith("migrate-")
