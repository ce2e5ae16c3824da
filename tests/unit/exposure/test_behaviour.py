"""Which routes and DestinationRules act for whom, in the states between two steps."""

import pytest

from migrator.exposure.calling import Caller
from migrator.exposure.routing import Behaviour, Client, behaviour
from migrator.exposure.state import Readiness, State
from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.resource import Ref
from migrator.model.snapshot import Snapshot
from tests.unit.manifests import resource

WAYPOINT = Ref(*kinds.GATEWAY, "shop", "waypoint")
CART = "cart.shop.svc.cluster.local"


def _object(kind, namespace, name, **spec):
    body = {"apiVersion": API.get(kind, "v1"), "kind": kind, "spec": spec}
    return {**body, "metadata": {"name": name, "namespace": namespace}}


API = {
    "VirtualService": "networking.istio.io/v1",
    "DestinationRule": "networking.istio.io/v1",
    "Gateway": "gateway.networking.k8s.io/v1",
    "HTTPRoute": "gateway.networking.k8s.io/v1",
}
TO_CART = [{"route": [{"destination": {"host": CART}}]}]
OBJECTS = (
    _object("Namespace", "", "shop"),
    _object("Namespace", "", "web"),
    _object("VirtualService", "shop", "cart", hosts=["cart"], http=TO_CART),
    _object("VirtualService", "web", "of-web", hosts=[CART], exportTo=["."], http=TO_CART),
    _object(
        "VirtualService",
        "edge",
        "from-outside",
        hosts=["shop.example"],
        gateways=["front"],
        http=TO_CART,
    ),
    _object("DestinationRule", "shop", "cart", host="cart"),
    _object("DestinationRule", "web", "of-web", host=CART),
    _object(
        "DestinationRule",
        "web",
        "of-batch",
        host=CART,
        workloadSelector={"matchLabels": {"app": "batch"}},
    ),
)
LISTENERS = [{"name": "mesh", "port": 15008, "protocol": "HBONE"}]
GATEWAY = _object(
    "Gateway", "shop", "waypoint", gatewayClassName="istio-waypoint", listeners=LISTENERS
)
ROUTE = _object(
    "HTTPRoute", "shop", "cart", parentRefs=[{"group": "", "kind": "Service", "name": "cart"}]
)


def state(*more, readiness=Readiness.READY, **labels):
    """The mesh; `labels` are put on the Service."""
    ports = [{"name": "http", "port": 80}]
    service = _object("Service", "shop", "cart", selector={"app": "cart"}, ports=ports)
    service["metadata"]["labels"] = labels
    resources = map(resource, (*OBJECTS, service, *more))
    return State(Mesh(Snapshot(resources)), waypoints={WAYPOINT: readiness})


def bound(*more, readiness=Readiness.READY, **labels):
    return state(
        GATEWAY, *more, readiness=readiness, **{"istio.io/use-waypoint": "waypoint"}, **labels
    )


def asked(state, caller, namespace="web", **labels):
    (service,) = state.mesh.services.all
    return behaviour(state, Client(caller, namespace, labels), service)


def names(refs):
    return [f"{ref.kind}/{ref.namespace}/{ref.name}" for ref in refs]


@pytest.mark.parametrize("made", [state, bound])
def test_a_sidecar_shapes_its_calls_by_itself(made):
    """Whether or not the Service is bound: it never asks for a waypoint."""
    found = asked(made(), Caller.SIDECAR)

    assert (found.by, found.where) == ("sidecar", None)
    assert names(found.routes) == ["VirtualService/shop/cart", "VirtualService/web/of-web"]
    assert names(found.obeyed) == ["VirtualService/shop/cart"]
    assert names(found.destination_rules) == ["DestinationRule/web/of-web"]


def test_a_sidecar_sees_what_is_exported_to_it():
    found = asked(state(), Caller.SIDECAR, "billing")

    assert names(found.routes) == ["VirtualService/shop/cart"]
    assert names(found.destination_rules) == ["DestinationRule/shop/cart"]


def test_a_destinationrule_for_some_workloads_is_before_the_others():
    found = asked(state(), Caller.SIDECAR, app="batch")

    assert names(found.destination_rules) == ["DestinationRule/web/of-batch"]


def test_nothing_shapes_ambient_calls_without_a_waypoint():
    assert asked(state(), Caller.AMBIENT) == Behaviour()
    assert asked(bound(readiness=Readiness.ABSENT), Caller.AMBIENT) == Behaviour()


def test_a_waypoint_reads_what_the_owner_of_the_service_wrote():
    found = asked(bound(), Caller.AMBIENT)

    assert (found.by, found.where) == ("waypoint", WAYPOINT)
    assert names(found.routes) == ["VirtualService/shop/cart"]
    assert names(found.destination_rules) == ["DestinationRule/shop/cart"]


def test_a_waypoint_tries_one_kind_after_the_other():
    """Gateway API routes of its own namespace come first."""
    found = asked(bound(ROUTE), Caller.AMBIENT)

    assert names(found.obeyed) == ["HTTPRoute/shop/cart", "VirtualService/shop/cart"]


def test_sidecars_read_routes_with_a_service_as_parent_too():
    """A route of the Service's namespace is for everybody, after the older ones."""
    assert "HTTPRoute/shop/cart" in names(asked(state(ROUTE), Caller.SIDECAR).routes)
    assert names(asked(state(ROUTE), Caller.SIDECAR, "shop").obeyed) == ["HTTPRoute/shop/cart"]


def test_calls_to_a_waypoint_without_pods_are_refused():
    found = asked(bound(readiness=Readiness.DOWN), Caller.AMBIENT)

    assert (found.by, found.routes) == ("", ())
    assert "has no pods" in found.refused


def test_a_gateway_has_its_own_routes():
    found = asked(bound(), Caller.GATEWAY, "edge")

    assert found.by == "gateway"
    assert names(found.routes) == ["VirtualService/edge/from-outside"]
    assert names(found.destination_rules) == ["DestinationRule/shop/cart"]


def test_a_gateway_that_is_told_to_use_the_waypoint():
    found = asked(bound(**{"istio.io/ingress-use-waypoint": "true"}), Caller.GATEWAY, "edge")

    assert found == asked(bound(), Caller.AMBIENT)


@pytest.mark.parametrize("caller", [Caller.OUTSIDE, Caller.PENDING])
def test_who_has_no_proxy_is_not_routed(caller):
    assert asked(bound(), caller) == Behaviour()


def test_of_proxyless_callers_nothing_is_said():
    assert asked(bound(), Caller.PROXYLESS).unknown
