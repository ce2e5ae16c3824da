"""Each run of the packet lab, walked state by state: the model predicts its outages and holes."""

from . import lab
from .lab import C1, C2, ORDERS, STOCK, Run

ALL = (ORDERS, STOCK, C1, C2)


def expand(run, *, extended=True):
    """Waypoint, copies, the ALLOW extended, bound."""
    run.waypoint()
    yield run.step()
    run.copies()
    yield run.step()
    if extended:
        run.extend()
        yield run.step()
    run.bind()
    yield run.step()


def move(run, *names):
    """One workload after the other: rolling, then all of its pods."""
    for name in names:
        ref = lab.ref(name)
        run.ambient(name)
        yield run.step(rolling=[ref])
        yield run.step(restarted=[ref])


def hand_over(run):
    run.narrow()
    run.guard()
    yield run.step()


def finish(run):
    run.namespace_ambient()
    run.no_injection()
    yield run.step()
    run.drop_old()
    yield run.step()


def found(run, states):
    """All holes and outages on the way, against the beginning."""
    holes, outages = set(), set()
    for state in states:
        holes |= lab.holes(run.first, state)
        outages |= lab.outages(run.first, state)
    return holes, outages


def test_run_b_callers_first_with_the_hand_over_per_pod_opens_and_closes_nothing():
    run = Run()

    def states():
        yield from expand(run)
        yield from move(run, "c1", "c2")
        yield from hand_over(run)
        yield from move(run, "stock", "orders")
        yield from finish(run)

    assert found(run, states()) == (set(), set())


PAST_ORDERS = {("c1", "pods of orders"), ("like c2", "pods of orders")}
PAST_STOCK = {("like c1", "pods of stock")}


def official(run):
    """Up to the restarts: nobody has moved yet."""
    yield from expand(run, extended=False)
    run.namespace_ambient()
    yield run.step()
    run.no_injection()
    yield run.step()


def lab_holes(run, state):
    """Without the servers' own accounts, which called nobody in the lab."""
    calling = {"c1", "c2", "like c1", "like c2", "outside"}
    return {one for one in lab.holes(run.first, state) if one[0] in calling}


def test_run_a_the_official_order_cuts_orders_off_and_leaves_a_way_past_the_waypoint():
    """Runs A and A4, as they went: all at once, and the callers were ambient before the servers."""
    run = Run()
    assert all(found(run, [state]) == (set(), set()) for state in official(run))

    callers = run.step(restarted=[C1, C2])
    assert lab.outages(run.first, callers) == {("c1", "orders")}
    assert lab_holes(run, callers) == set()

    servers = run.step(restarted=[ORDERS, STOCK])
    assert lab.outages(run.first, servers) == {("c1", "orders")}
    assert lab_holes(run, servers) == PAST_STOCK

    run.drop_old()
    end = run.step()
    assert lab.outages(run.first, end) == set()
    assert lab_holes(run, end) == PAST_STOCK | PAST_ORDERS


def test_run_a2_servers_before_callers_is_a_hole_on_the_normal_path():
    run = Run()
    list(official(run))

    servers = run.step(restarted=[ORDERS, STOCK])
    assert lab.outages(run.first, servers) == {("c1", "orders")}
    assert lab_holes(run, servers) == {("like c1", "stock")} | PAST_STOCK

    callers = run.step(restarted=[C1, C2])
    assert lab.outages(run.first, callers) == {("c1", "orders")}
    assert lab_holes(run, callers) == PAST_STOCK


def test_run_a3_old_policies_deleted_first_opens_every_denied_call():
    run = Run()
    list(official(run))

    run.drop_old()
    servers_first = run.step(rolling=ALL)
    assert lab.outages(run.first, servers_first) == set()
    normal = {("c1", "orders"), ("like c2", "orders"), ("like c1", "stock")}
    assert lab_holes(run, servers_first) == normal | PAST_ORDERS | PAST_STOCK

    end = run.step(restarted=ALL)
    assert lab_holes(run, end) == PAST_ORDERS | PAST_STOCK


def test_run_bs_the_classical_step_11_opens_and_closes_nothing():
    """The guard on all pods, then the old policies go, then the servers."""
    run = Run()

    def states():
        yield from expand(run)
        yield from move(run, "c1", "c2")
        run.guard(ambient_only=False)
        yield run.step()
        run.drop_old()
        yield run.step()
        yield from move(run, "stock", "orders")

    assert found(run, states()) == (set(), set())


def test_run_b0_without_the_extended_allow_orders_refuses_its_ambient_caller():
    run = Run()
    assert found(run, expand(run, extended=False)) == (set(), set())

    run.ambient("c1")
    moved = run.step(rolling=[C1])
    assert lab.outages(run.first, moved) == {("c1", "orders")}

    holes, outages = found(run, [*move(run, "c1", "c2"), *hand_over(run), *move(run, "stock")])
    assert (holes, outages) == (set(), {("c1", "orders")})
    run.ambient("orders")
    assert lab.outages(run.first, run.step(restarted=[ORDERS])) == set()


def test_run_bn_without_guard_and_narrowing_the_pods_are_reached_past_the_waypoint():
    run = Run()
    assert found(run, [*expand(run), *move(run, "c1", "c2")]) == (set(), set())

    run.ambient("stock")
    stock = run.step(rolling=[STOCK])
    assert lab_holes(run, stock) == PAST_STOCK
    run.ambient("orders")
    orders = run.step(restarted=[STOCK, ORDERS])
    assert lab_holes(run, orders) == PAST_STOCK
    assert lab.outages(run.first, orders) == set()
    run.drop_old()
    assert lab_holes(run, run.step()) == PAST_STOCK | PAST_ORDERS


def test_run_bx_servers_before_callers_refuses_each_caller_until_it_has_moved():
    run = Run()
    assert found(run, [*expand(run), *hand_over(run)]) == (set(), set())

    run.ambient("stock")
    run.ambient("orders")
    servers = run.step(restarted=[STOCK, ORDERS])
    assert lab.outages(run.first, servers) == {("c1", "orders"), ("like c1", "stock")}
    run.ambient("c1")
    assert lab.outages(run.first, run.step(restarted=[C1])) == {("like c2", "stock")}
    run.ambient("c2")
    end = run.step(restarted=[C2])
    assert lab.outages(run.first, end) == set()
    assert lab.holes(run.first, end) == set()


def moved(run):
    """The end of run B."""
    for _ in (*expand(run), *move(run, "c1", "c2"), *hand_over(run)):
        pass
    for _ in (*move(run, "stock", "orders"), *finish(run)):
        pass
    return run


def back(run, *names):
    for name in names:
        run.sidecar(name)
        yield run.step(rolling=[lab.ref(name)])
        yield run.step(restarted=[lab.ref(name)])


def test_run_r_rollback_with_the_narrowed_policies_first_opens_and_closes_nothing():
    run = moved(Run())

    def states():
        run.label("Namespace/shop", **{"istio-injection": "enabled"})
        yield run.step()
        run.restore_narrowed()
        yield run.step()
        yield from back(run, "orders", "stock")
        run.drop("AuthorizationPolicy/orders-guard", "AuthorizationPolicy/stock-guard")
        yield run.step()
        yield from back(run, "c1", "c2")
        run.unbind()
        yield run.step()

    assert found(run, states()) == (set(), set())


def test_run_rw_rollback_with_the_policies_after_the_roll_lets_calls_past_the_waypoint():
    run = moved(Run())
    run.label("Namespace/shop", **{"istio-injection": "enabled"})
    run.sidecar("orders")
    orders = run.step(rolling=[ORDERS])
    assert lab_holes(run, orders) == PAST_ORDERS
    assert lab.outages(run.first, orders) == set()
    run.sidecar("stock")
    both = run.step(restarted=[ORDERS], rolling=[STOCK])
    assert lab_holes(run, both) == PAST_ORDERS | PAST_STOCK

    run.restore_narrowed()
    assert lab_holes(run, run.step(restarted=[STOCK])) == set()
