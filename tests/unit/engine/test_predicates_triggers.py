"""What ends a wave at once, and what must not."""

from migrator.engine.predicates import pending, triggers
from migrator.istio import kinds
from migrator.model.resource import GroupKind, Ref
from migrator.planner.phases import checks
from migrator.steps import RestartWorkload, SetLabels, Target

from .seen import Objects, changed, cluster, person, pod
from .test_predicates_platform import CNI, ZTUNNEL, agent, node
from .test_predicates_pods import cart, cart_pod
from .test_predicates_waypoint import DEPLOYMENT as WAYPOINT
from .test_predicates_waypoint import SERVICE, bound

CART = Ref(*kinds.DEPLOYMENT, "shop", "cart")
MOVE = RestartWorkload(id="move", target=Target.of(CART), why="")
BIND = SetLabels(
    id="bind",
    target=Target.of(Ref(*kinds.SERVICE, "shop", "cart")),
    why="",
    labels={"istio.io/use-waypoint": "waypoint"},
    old={"istio.io/use-waypoint": None},
)
EVENT = GroupKind("", "Event")
AGENTS = (node(), agent(CNI), agent(ZTUNNEL))
LOST = changed(
    SERVICE, **bound("False", "WaypointIsNotReady", 'waypoint "shop/waypoint" is not ready')
)


def world(*bodies, forbidden=()):
    return Objects(*cart(*bodies).bodies.values(), forbidden=forbidden)


def event(name, message, uid="uid-a"):
    text = "{apiVersion: v1, kind: Event, metadata: {name: e, namespace: shop}}"
    return changed(
        text,
        metadata__name=name,
        involvedObject={"kind": "Pod", "name": "a", "uid": uid},
        reason="FailedCreatePodSandBox",
        message=message,
    )


BROKEN = (
    'plugin type="istio-cni" failed (add): istio-cni cmdAdd failed to contact node Istio CNI agent'
)


def test_nothing_is_wrong_with_a_mesh_that_works():
    assert triggers([MOVE, BIND], world(*AGENTS, *_bodies(SERVICE, WAYPOINT), cart_pod("a"))) == ()


def _bodies(*texts):
    return tuple(cluster(*texts).bodies.values())


def test_a_binding_that_was_lost():
    expected = "Service/shop/cart: condition istio.io/WaypointBound is False (WaypointIsNotReady"
    lost = world(*_bodies(WAYPOINT), LOST)

    assert [says[: len(expected)] for says in triggers([BIND], lost)] == [expected]
    assert [says[: len(expected)] for says in triggers([MOVE], lost)] == [expected]


def test_a_service_that_the_wave_has_nothing_to_do_with():
    other = changed(
        SERVICE, metadata__name="till", spec__selector={"app": "till"}, status=LOST["status"]
    )
    headless = changed(SERVICE, metadata__name="peers", spec={}, status=LOST["status"])

    assert triggers([MOVE], world(other, headless)) == ()


def test_a_service_that_is_not_bound_yet():
    unbound = changed(
        SERVICE, metadata__labels={}, **bound("False", "WaypointIsNotReady", "before")
    )

    assert triggers([MOVE, BIND], world(unbound)) == ()


def test_a_waypoint_without_a_pod():
    empty = changed(WAYPOINT, status__availableReplicas=None)
    one = changed(WAYPOINT, status__availableReplicas=1)
    expected = (
        "Deployment/shop/waypoint: status.availableReplicas is 0: calls through the waypoint fail",
    )

    assert triggers([MOVE], world(*_bodies(SERVICE), empty)) == expected
    assert triggers([MOVE], world(*_bodies(SERVICE), one)) == ()


def test_an_agent_that_went_away():
    assert triggers([MOVE], world(node(), agent(CNI), agent(ZTUNNEL, ready="False"))) == (
        "ztunnel has no Ready pod on n1",
    )


def test_agents_that_are_not_installed_yet():
    needs_them = MOVE.model_copy(update={"before": (checks.nodes_ready(),)})
    installs_them = person(CART).model_copy(update={"after": (checks.nodes_ready(),)})
    for_sidecars = world(node(), agent(CNI))
    half = world(node(), agent(CNI), agent(ZTUNNEL, ready="False"))

    assert triggers([MOVE], for_sidecars) == ()
    assert triggers([needs_them], for_sidecars) == ("ztunnel has no Ready pod on n1",)
    assert triggers([installs_them], half) == ()


def test_a_pod_that_istio_cni_does_not_let_start():
    waiting = cart_pod("a", phase="Pending", ready="False")
    found = world(waiting, event("e1", BROKEN), event("e2", BROKEN))

    assert triggers([MOVE], found) == (
        f"Pod/shop/a cannot start: FailedCreatePodSandBox: {BROKEN}",
    )


def test_events_of_the_past_of_others_and_about_other_things():
    starting = cart_pod("a", phase="Pending", ready="False")

    assert triggers([MOVE], world(cart_pod("a"), event("e", BROKEN))) == ()
    assert triggers([MOVE], world(starting, event("e", BROKEN, uid="uid-before"))) == ()
    assert triggers([MOVE], world(starting, event("e", "no IP addresses in the pool"))) == ()


def test_events_that_may_not_be_read():
    starting = cart_pod("a", phase="Pending", ready="False")

    assert triggers([MOVE], world(starting, event("e", BROKEN), forbidden=[EVENT])) == ()


def test_pending_pods_of_the_wave():
    half = {"ambient.istio.io/redirection": "pending"}
    full = {"ambient.istio.io/redirection": "enabled"}
    stranger = pod("x", ("StatefulSet", "till"), annotations=half)
    found = world(cart_pod("a", annotations=half), cart_pod("b", annotations=full), stranger)

    assert pending([MOVE, BIND], found) == (Ref(*kinds.POD, "shop", "a"),)
