"""Which Service and ServiceEntry is bound to which waypoint: the model against istiod's own condition.

Real: istiod, the waypoints that it deploys, and the condition `istio.io/WaypointBound` that it writes on
each of the objects. Simulated: the waypoints' pods are Ready without running (kwok), and no packet flows.
"""

import pytest
import yaml

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.waypoint.waypoint_acceptance import admits, is_ready, traffic

from .matrix import combinations, create, mesh_of, namespace, present
from .meshes import condition, eventually

HOME = "binding-home"
HBONE = {"name": "mesh", "port": 15008, "protocol": "HBONE"}


def from_(which, **selector):
    return {"allowedRoutes": {"namespaces": {"from": which, **selector}}}


BLUE = from_("Selector", selector={"matchLabels": {"team": "blue"}})
PLAIN_HTTP = {"name": "http", "port": 80, "protocol": "HTTP", **from_("All")}
# By name: listeners, waypoint-for, class.
WAYPOINTS = {
    "own": ([HBONE], None, names.WAYPOINT_CLASS),
    "same": ([{**HBONE, **from_("Same")}], "service", names.WAYPOINT_CLASS),
    "open": ([{**HBONE, **from_("All")}], "all", names.WAYPOINT_CLASS),
    "blue": ([{**HBONE, **BLUE}], None, names.WAYPOINT_CLASS),
    "two": ([PLAIN_HTTP, HBONE], None, names.WAYPOINT_CLASS),
    "http": ([PLAIN_HTTP], None, names.WAYPOINT_CLASS),
    "pods": ([{**HBONE, **from_("All")}], "workload", names.WAYPOINT_CLASS),
    "nothing": ([{**HBONE, **from_("All")}], "none", names.WAYPOINT_CLASS),
    # no waypoint at all, but bound to like one: istiod asks for an address only
    "ingress": ([PLAIN_HTTP], None, "istio"),
    "unserved": ([{**HBONE, **from_("All")}], None, "of-nobody"),
}
SPACES = [
    namespace(HOME, {"team": "red"}),
    namespace("binding-plain", {}),
    namespace("binding-blue", {"team": "blue"}),
    *(
        namespace(
            f"binding-by-{name or 'empty'}-{home or 'own'}",
            {names.USE_WAYPOINT: name, names.USE_WAYPOINT_NAMESPACE: home},
        )
        for name, home in (
            ("open", HOME),
            ("own", HOME),
            ("open", None),
            ("none", None),
            ("", HOME),
        )
    ),
]
LABELS = [
    present({names.USE_WAYPOINT: one["name"], names.USE_WAYPOINT_NAMESPACE: one["home"]})
    for one in combinations(
        name=(None, "", "none", "missing", *WAYPOINTS), home=(None, "", HOME, "binding-plain")
    )
]


def service(meta):
    ports = [{"name": "http", "port": 80}]
    spec = {"selector": {"app": "cart"}, "ports": ports}
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}


def entry(meta):
    ports = [{"name": "http", "number": 80, "protocol": "HTTP"}]
    hosts = [f"{meta['name']}.{meta['namespace']}.example.com"]
    spec = {"hosts": hosts, "ports": ports, "resolution": "DNS"}
    api = "networking.istio.io/v1"
    return {"apiVersion": api, "kind": "ServiceEntry", "metadata": meta, "spec": spec}


OBJECTS = [
    make({"name": f"cart-{number}", "namespace": space["metadata"]["name"], "labels": labels})
    for space in SPACES
    for number, labels in enumerate(LABELS)
    for make in (service, entry)
]


def gateway(name):
    listeners, kind, of_class = WAYPOINTS[name]
    meta = {
        "name": name,
        "namespace": HOME,
        "labels": present({names.WAYPOINT_FOR: kind}),
        "annotations": {"networking.istio.io/service-type": "ClusterIP"},
    }
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": meta,
        "spec": {"gatewayClassName": of_class, "listeners": listeners},
    }


@pytest.fixture(scope="module")
def bound(plane):
    """Gateways with their addresses, then everything that asks for one of them."""
    found = [*SPACES, *map(gateway, WAYPOINTS)]
    plane.kubectl("apply", "--server-side", "-f", "-", stdin=yaml.safe_dump_all(found))

    def addressed():
        live = plane.get("gateways.gateway.networking.k8s.io", "-n", HOME)["items"]
        return {g["metadata"]["name"] for g in live if g["status"].get("addresses")}

    served = {name for name in WAYPOINTS if name != "unserved"}
    assert eventually(lambda: addressed() >= served, 60)
    create(plane, OBJECTS)
    yield plane
    plane.kubectl(
        "delete", "namespace", "--wait=false", *(space["metadata"]["name"] for space in SPACES)
    )


def live_objects(plane):
    found = []
    for space in SPACES:
        found += plane.get("services,serviceentries", "-n", space["metadata"]["name"])["items"]
    return found


def said(live):
    """By kind, namespace and name: the waypoint that istiod says, or its reason against."""
    found = {}
    for one in live:
        status = condition(one, "istio.io/WaypointBound")
        bound_to = status.get("message", "").removeprefix("Successfully attached to waypoint ")
        answer = bound_to if status.get("status") == "True" else status.get("reason", "")
        meta = one["metadata"]
        found[one["kind"], meta["namespace"], meta["name"]] = answer
    return found


def predicted(mesh):
    """The same from labels, Gateways and GatewayClasses."""
    asking = (*mesh.of(kinds.SERVICE), *mesh.of(kinds.SERVICE_ENTRY))
    return {(r.ref.kind, r.namespace, r.name): _answer(mesh, r) for r in asking}


def _answer(mesh, resource):
    binding = mesh.waypoints.binding_of(resource.labels, resource.namespace)
    if binding.gateway is None:
        return "WaypointIsNotReady" if binding.by and not binding.opted_out else ""
    found = mesh.snapshot.get(binding.gateway)
    if found is None or not is_ready(found):
        return "WaypointIsNotReady"
    if not admits(mesh, found, resource.namespace):
        return "AttachmentDenied"
    if traffic(mesh, found) not in {"service", "all"}:
        return "UnsupportedTrafficType"
    return f"{found.namespace}/{found.name}"


def test_every_combination_is_bound_as_predicted(bound, tmp_path):
    around = bound.get("namespaces,gatewayclasses,gateways.gateway.networking.k8s.io", "-A")[
        "items"
    ]
    mesh = mesh_of(tmp_path, [*around, *live_objects(bound)])
    model = predicted(mesh)

    def different():
        real = said(live_objects(bound))
        return {
            key: (real.get(key), model.get(key))
            for key in real | model
            if real.get(key) != model.get(key)
        }

    eventually(lambda: not different(), 60)
    assert different() == {}
    own = {r.ref for r in mesh.of(kinds.SERVICE) if names.MANAGED in r.labels}
    assert len(model) == len(OBJECTS) + len(own)
    assert set(model.values()) == {
        "", "WaypointIsNotReady", "AttachmentDenied", "UnsupportedTrafficType",
        *(f"{HOME}/{name}" for name in WAYPOINTS if name not in {"pods", "nothing", "unserved"}),
    }  # fmt: skip
