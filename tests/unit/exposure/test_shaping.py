"""What routes and DestinationRules ask for, at a sidecar and at a waypoint, and what is lost between them."""

import pytest

from migrator.exposure.calling import Caller
from migrator.exposure.routing import Bound, Client, behaviours
from migrator.exposure.shaping import Call, settings, shift
from migrator.exposure.state import Readiness
from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.versions import parse_version
from migrator.model.resource import Ref
from migrator.model.snapshot import Snapshot
from tests.unit.manifests import resource

API = {
    "VirtualService": "networking.istio.io/v1",
    "DestinationRule": "networking.istio.io/v1",
    "HTTPRoute": "gateway.networking.k8s.io/v1",
}
TO_CART = {"destination": {"host": "cart.shop.svc.cluster.local"}}
BOUND = Bound(Ref(*kinds.GATEWAY, "shop", "waypoint"), Readiness.READY)
INGRESS = BOUND._replace(ingress=True)


def made(kind, name, spec, namespace="shop", **meta):
    metadata = {"name": name, "namespace": namespace, **meta}
    body = {"apiVersion": API.get(kind, "v1"), "kind": kind, "metadata": metadata, "spec": spec}
    return resource(body)


def virtual_service(*http, name="cart", namespace="shop", hosts=("cart",), **spec):
    return made("VirtualService", name, {"hosts": [*hosts], "http": [*http], **spec}, namespace)


def destination_rule(policy, namespace="shop", **spec):
    body = {"host": "cart.shop.svc.cluster.local", "trafficPolicy": policy, **spec}
    return made("DestinationRule", "cart", body, namespace)


def done(objects, caller, bound=BOUND, *, namespace="web", version="1.31.0", **labels):
    """What is done of a call to the cart."""
    ports = [{"name": "http", "port": 80}]
    cart = made("Service", "cart", {"selector": {"app": "cart"}, "ports": ports})
    mesh = Mesh(Snapshot([cart, *objects]), istio_version=parse_version(version))
    (service,) = mesh.services.all
    client = Client(caller, namespace, labels)
    return settings(mesh, Call(client, service), behaviours(mesh, client, service, bound), {})


def moved(*objects, bound=BOUND, **client):
    """What becomes of it when a caller leaves its sidecar, by names."""
    then = done(objects, Caller.SIDECAR, **client)
    found = shift(then, done(objects, Caller.AMBIENT, bound, **client))
    return {key: names(some) for key, some in found._asdict().items() if some}


def names(found):
    return {one.name for one in found}


EVERYTHING = {
    "timeout": "5s",
    "retries": {"attempts": 3},
    "fault": {"abort": {"httpStatus": 503, "percentage": {"value": 1}}},
    "route": [TO_CART],
}
LIMITS = {"connectionPool": {"tcp": {"maxConnections": 9}}, "outlierDetection": {"interval": "9s"}}


def test_without_a_waypoint_all_is_lost():
    found = moved(virtual_service(EVERYTHING), destination_rule(LIMITS), bound=Bound())

    assert found == {"lost": {"timeout", "retries", "fault", "connectionPool", "outlierDetection"}}


def test_a_waypoint_does_what_the_owner_asks_for_and_counts_for_all_callers():
    found = moved(virtual_service(EVERYTHING), destination_rule(LIMITS))

    assert found == {"shared": {"connectionPool", "outlierDetection"}}


def test_what_a_consumer_asks_for_no_waypoint_does():
    theirs = virtual_service(
        EVERYTHING, namespace="web", hosts=["cart.shop.svc.cluster.local"], exportTo=["."]
    )

    assert moved(theirs) == {"lost": {"timeout", "retries", "fault"}}
    assert moved(theirs, namespace="billing") == {}


def test_mutual_tls_of_the_mesh_is_no_loss_and_tls_of_ones_own_is_one():
    for mode, lost in (("ISTIO_MUTUAL", {}), ("DISABLE", {}), ("SIMPLE", {"lost": {"tls"}})):
        assert moved(destination_rule({"tls": {"mode": mode}}), bound=Bound()) == lost
        assert moved(destination_rule({"tls": {"mode": mode}})) == {}


def test_a_route_for_labels_is_lost_to_those_who_have_them():
    found = virtual_service(
        {"match": [{"sourceLabels": {"app": "batch"}}], "timeout": "1s", "route": [TO_CART]},
        {"route": [TO_CART]},
    )

    assert moved(found, app="batch") == {"lost": {"timeout"}}
    assert moved(found, app="other") == {}


@pytest.mark.parametrize(
    ("asked", "found"), [("web", {"lost": {"timeout"}}), ("shop", {"gained": {"timeout"}})]
)
def test_a_namespace_is_compared_with_the_waypoints(asked, found):
    """Who is meant loses it; whoever is not meant gets what is for the waypoint's neighbours."""
    route = {"match": [{"sourceNamespace": asked}], "timeout": "1s", "route": [TO_CART]}

    assert moved(virtual_service(route, {"route": [TO_CART]})) == found


def test_a_name_that_is_not_the_services_own_is_no_match_at_a_waypoint():
    def tls(name):
        route = {
            "match": [{"port": 443, "sniHosts": [name]}],
            "route": [{"destination": {"host": "b"}}],
        }
        return made("VirtualService", "cart", {"hosts": ["cart"], "tls": [route]})

    ports = [{"name": "tls", "port": 443}]
    service = made("Service", "cart", {"selector": {"app": "cart"}, "ports": ports})
    for name, lost in (("elsewhere", {"routes"}), ("cart.shop.svc.cluster.local", set())):
        mesh = Mesh(Snapshot([service, tls(name)]))
        (cart,) = mesh.services.all
        then, now = (
            settings(mesh, Call(c, cart), behaviours(mesh, c, cart, BOUND), {})
            for c in (Client(Caller.SIDECAR, "web"), Client(Caller.AMBIENT, "web"))
        )
        assert names(shift(then, now).lost) == lost


@pytest.mark.parametrize(("version", "lost"), [("1.30.0", True), ("1.31.0", False)])
def test_a_waypoint_hashes_only_where_a_route_does_before_1_31(version, lost):
    sticky = destination_rule({"loadBalancer": {"consistentHash": {"useSourceIp": True}}})
    plain = virtual_service({"route": [TO_CART]})

    found = moved(sticky, version=version)
    assert found == ({"lost": {"loadBalancer.consistentHash"}} if lost else {})
    assert moved(sticky, plain, version=version) == {}


@pytest.mark.parametrize(("version", "found"), [("1.29.0", {}), ("1.30.0", {"gained": {"fault"}})])
def test_a_waypoint_tries_the_second_route_since_1_30(version, found):
    """A sidecar never does."""
    first = virtual_service({"timeout": "1s", "route": [TO_CART]}, name="a")
    second = virtual_service({"fault": EVERYTHING["fault"], "route": [TO_CART]}, name="b")

    assert moved(first, second, version=version) == found


def test_of_overlapping_hosts_a_sidecar_obeys_the_most_specific():
    wide = virtual_service(
        {"timeout": "1s", "route": [TO_CART]}, name="a", hosts=["*.shop.svc.cluster.local"]
    )
    own = virtual_service({"retries": {"attempts": 1}, "route": [TO_CART]}, name="b")

    assert names(done([wide, own], Caller.SIDECAR)) == {"retries"}


def test_a_gateway_that_is_sent_through_the_waypoint_gets_the_meshs_routes_too():
    objects = [virtual_service(EVERYTHING), destination_rule(LIMITS)]
    then, now = (done(objects, Caller.GATEWAY, bound) for bound in (BOUND, INGRESS))

    assert names(then) == {"connectionPool", "outlierDetection"}
    assert names(shift(then, now).gained) == {"timeout", "retries", "fault"}
    assert not shift(then, now).lost


def test_an_httproute_of_the_service_is_read_by_both():
    rule = {
        "filters": [{"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "b"}}}],
        "timeouts": {"request": "5s"},
        "backendRefs": [{"name": "cart", "port": 80}],
    }
    spec = {"parentRefs": [{"group": "", "kind": "Service", "name": "cart"}], "rules": [rule]}
    route = made("HTTPRoute", "cart", spec)

    assert moved(route) == {}
    assert moved(route, bound=Bound()) == {"lost": {"mirror", "timeout"}}


def test_the_same_asked_otherwise_is_a_change():
    then, now = (
        done([virtual_service({"timeout": text, "route": [TO_CART]})], Caller.SIDECAR)
        for text in ("5s", "9s")
    )
    found = shift(then, now)

    assert (names(found.changed), found.lost, found.gained) == (
        {"timeout"},
        frozenset(),
        frozenset(),
    )
