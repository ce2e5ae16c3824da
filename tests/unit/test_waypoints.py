"""Waypoints: who is bound to which, and who has a reason to be."""

import json
from typing import Any

import pytest

from migrator.istio.mesh import Mesh
from migrator.model.resource import Ref

from .manifests import mesh

NETWORKING, SECURITY = "networking.istio.io/v1", "security.istio.io/v1"
SELECTOR = {"selector": {"matchLabels": {"app": "cart"}}}
POST = [{"to": [{"operation": {"methods": ["POST"]}}]}]
CART = {"destination": {"host": "cart"}}


def body(api: str, kind: str, spec: dict[str, Any], home: str = "shop", **meta: Any) -> Any:
    found = {"apiVersion": api, "kind": kind, "spec": spec}
    return {**found, "metadata": {"name": "cart", "namespace": home, **meta}}


def namespace(name: str, **labels: str) -> Any:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def service(labels: dict[str, str] | None = None, port: str = "http", **spec: Any) -> Any:
    wanted = {"selector": {"app": "cart"}, "ports": [{"name": port, "port": 80}], **spec}
    return body("v1", "Service", wanted, labels=labels or {})


def deployment(replicas: int = 1) -> Any:
    template = {"metadata": {"labels": {"app": "cart"}}, "spec": {"containers": [{"name": "app"}]}}
    return body("apps/v1", "Deployment", {"replicas": replicas, "template": template})


def mesh_of(*bodies: Any) -> Mesh:
    return mesh("\n---\n".join(json.dumps(one) for one in bodies))


def shop(*more: Any, replicas: int = 1, front: Any = None) -> Mesh:
    injected = namespace("shop", **{"istio-injection": "enabled"})
    return mesh_of(injected, deployment(replicas), front or service(), *more)


def reasons(of: Mesh) -> list[tuple[str, bool]]:
    (front,) = of.services.all
    return [(reason.code, reason.hard) for reason in of.waypoints.needs(front)]


def policy(spec: dict[str, Any], **meta: Any) -> Any:
    return body(SECURITY, "AuthorizationPolicy", spec, **meta)


def virtual_service(spec: dict[str, Any], home: str = "shop") -> Any:
    return body(NETWORKING, "VirtualService", {"http": [{"route": [CART]}], **spec}, home)


def destination_rule(policy: dict[str, Any], home: str = "shop", **spec: Any) -> Any:
    wanted = {"host": "cart.shop.svc.cluster.local", "trafficPolicy": policy, **spec}
    return body(NETWORKING, "DestinationRule", wanted, home)


def filter_in(*contexts: str) -> Any:
    patches = [{"applyTo": "HTTP_FILTER", "match": {"context": one}} for one in contexts]
    return body(
        NETWORKING,
        "EnvoyFilter",
        {"workloadSelector": {"labels": {"app": "cart"}}, "configPatches": patches},
    )


def route(kind: str, home: str = "shop") -> Any:
    parent = {"group": "", "kind": "Service", "name": "cart", "namespace": "shop"}
    return body("gateway.networking.k8s.io/v1", kind, {"parentRefs": [parent]}, home)


@pytest.mark.parametrize(
    ("added", "code"),
    [
        pytest.param(policy({**SELECTOR, "rules": POST}), "AMB101", id="ALLOW by method"),
        pytest.param(policy({"rules": POST}), "AMB101", id="of the whole namespace"),
        pytest.param(policy({"rules": POST}, home="istio-system"), "AMB101", id="of the mesh"),
        pytest.param(policy({"action": "DENY", "rules": POST}), "AMB102", id="DENY by method"),
        pytest.param(
            policy({"action": "CUSTOM", "provider": {"name": "x"}, "rules": [{}]}),
            "AMB103",
            id="CUSTOM",
        ),
        pytest.param(policy({"action": "AUDIT", "rules": [{}]}), "AMB104", id="AUDIT"),
        pytest.param(
            body(SECURITY, "RequestAuthentication", SELECTOR), "AMB117", id="RequestAuthentication"
        ),
        pytest.param(filter_in("SIDECAR_INBOUND"), "AMB401", id="EnvoyFilter of sidecars"),
        pytest.param(filter_in("ANY"), "AMB401", id="EnvoyFilter of all"),
        pytest.param(
            body("extensions.istio.io/v1alpha1", "WasmPlugin", SELECTOR), "AMB409", id="WasmPlugin"
        ),
        pytest.param(virtual_service({"hosts": ["cart"]}), "AMB201", id="VirtualService"),
        pytest.param(
            virtual_service({"hosts": ["cart"], "gateways": ["edge/gw", "mesh"]}),
            "AMB201",
            id="VirtualService of both",
        ),
        pytest.param(
            virtual_service({"hosts": ["*.shop.svc.cluster.local"]}), "AMB201", id="by wildcard"
        ),
        pytest.param(route("HTTPRoute"), "AMB214", id="HTTPRoute of the mesh"),
        pytest.param(route("GRPCRoute"), "AMB214", id="GRPCRoute of the mesh"),
        pytest.param(destination_rule({"tls": {"mode": "SIMPLE"}}), "AMB224", id="TLS to the app"),
        pytest.param(
            destination_rule(
                {"portLevelSettings": [{"port": {"number": 80}, "tls": {"mode": "MUTUAL"}}]}
            ),
            "AMB224",
            id="TLS to one port of the app",
        ),
        pytest.param(
            destination_rule({"proxyProtocol": {"version": "V2"}}), "AMB510", id="PROXY protocol"
        ),
    ],
)
def test_hard_reasons(added: Any, code: str) -> None:
    assert reasons(shop(added)) == [(code, True)]


@pytest.mark.parametrize(
    "added",
    [
        pytest.param(
            policy({"rules": [{"from": [{"source": {"namespaces": ["web"]}}]}]}), id="L4 policy"
        ),
        pytest.param(
            policy({"selector": {"matchLabels": {"app": "other"}}, "rules": POST}),
            id="policy of others",
        ),
        pytest.param(policy({"rules": POST}, home="web"), id="policy of another namespace"),
        pytest.param(
            policy({"rules": POST}, annotations={"istio.io/dry-run": "true"}), id="dry run"
        ),
        pytest.param(
            body(SECURITY, "PeerAuthentication", {"mtls": {"mode": "STRICT"}}), id="STRICT mTLS"
        ),
        pytest.param(
            virtual_service({"hosts": ["cart"], "gateways": ["edge/gw"]}), id="a gateway's route"
        ),
        pytest.param(
            virtual_service({"hosts": ["cart.shop.svc.cluster.local"]}, "web"),
            id="a consumer's route, which no waypoint reads",
        ),
        pytest.param(
            virtual_service({"hosts": ["cart.shop.svc.cluster.local"], "exportTo": ["."]}, "web"),
            id="and which is private",
        ),
        pytest.param(filter_in("GATEWAY"), id="EnvoyFilter of gateways"),
        pytest.param(filter_in(), id="EnvoyFilter without patches"),
        pytest.param(route("HTTPRoute", "web"), id="a consumer's HTTPRoute"),
        pytest.param(destination_rule({"tls": {"mode": "ISTIO_MUTUAL"}}), id="ISTIO_MUTUAL"),
        pytest.param(destination_rule({"tls": {"mode": "DISABLE"}}), id="DISABLE"),
        pytest.param(
            destination_rule({"tls": {"mode": "SIMPLE"}}, "web"), id="a consumer's own rule"
        ),
        pytest.param(
            destination_rule({}, subsets=[{"name": "v1"}]), id="subsets to which nobody routes"
        ),
        pytest.param(
            body(NETWORKING, "Sidecar", {"egress": [{"hosts": ["./*"]}]}), id="Sidecar's egress"
        ),
    ],
)
def test_no_reasons(added: Any) -> None:
    assert reasons(shop(added)) == []


def test_routed_subsets_are_a_reason() -> None:
    to_subset = [{"route": [{"destination": {"host": "cart", "subset": "v2"}}]}]
    of = shop(
        destination_rule({}, subsets=[{"name": "v1"}, {"name": "v2"}]),
        virtual_service({"hosts": ["cart"], "http": to_subset}),
    )

    assert reasons(of) == [("AMB201", True), ("AMB213", True)]


@pytest.mark.parametrize(
    ("traffic", "code"),
    [
        ({"connectionPool": {"tcp": {"maxConnections": 1}}}, ["AMB219"]),
        ({"outlierDetection": {"interval": "1s"}}, ["AMB219"]),
        ({"portLevelSettings": [{"connectionPool": {"tcp": {}}}]}, ["AMB219"]),
        ({"loadBalancer": {"simple": "LEAST_REQUEST", "consistentHash": {}}}, ["AMB219", "AMB227"]),
        ({"loadBalancer": {"localityLbSetting": {"enabled": True}}}, ["AMB228"]),
        ({"loadBalancer": {"warmup": {"duration": "3s"}}}, ["AMB230"]),
    ],
)
def test_soft_reasons_of_destination_rules(traffic: dict[str, Any], code: list[str]) -> None:
    assert reasons(shop(destination_rule(traffic))) == [(one, False) for one in code]


@pytest.mark.parametrize(
    ("front", "replicas", "expected"),
    [
        pytest.param(service(port="grpc"), 2, ["AMB605"], id="gRPC to two pods"),
        pytest.param(service(port="http2-x"), 3, ["AMB605"], id="HTTP/2 to three"),
        pytest.param(service(port="grpc"), 1, [], id="one pod cannot be unbalanced"),
        pytest.param(service(port="http"), 2, [], id="plain HTTP"),
        pytest.param(service(sessionAffinity="ClientIP"), 1, ["AMB614"], id="session affinity"),
        pytest.param(service(sessionAffinity="None"), 1, [], id="none asked for"),
    ],
)
def test_soft_reasons_of_services(front: Any, replicas: int, expected: list[str]) -> None:
    assert reasons(shop(front=front, replicas=replicas)) == [(code, False) for code in expected]


def test_nothing_is_needed_where_nobody_has_a_sidecar() -> None:
    of = mesh_of(namespace("shop"), deployment(), service(), policy({"rules": POST}))

    assert reasons(of) == []
    assert of.waypoints.needing == {}


def test_reasons_name_their_sources() -> None:
    of = shop(policy({"rules": POST}))
    ((front, found),) = of.waypoints.needing.items()

    assert front.name == "cart"
    assert [(r.rule, r.source) for r in found] == [
        (
            "l7-allow-selector-policy",
            Ref("security.istio.io", "AuthorizationPolicy", "shop", "cart"),
        )
    ]


WAYPOINT = Ref("gateway.networking.k8s.io", "Gateway", "shop", "waypoint")


@pytest.mark.parametrize(
    ("own", "of_namespace", "gateway", "by", "opted_out"),
    [
        pytest.param({}, {}, None, "", False, id="no label"),
        pytest.param(
            {"istio.io/use-waypoint": "waypoint"}, {}, WAYPOINT, "service", False, id="its own"
        ),
        pytest.param(
            {}, {"istio.io/use-waypoint": "waypoint"}, WAYPOINT, "namespace", False, id="inherited"
        ),
        pytest.param(
            {"istio.io/use-waypoint": "waypoint"},
            {"istio.io/use-waypoint": "other"},
            WAYPOINT,
            "service",
            False,
            id="its own wins",
        ),
        pytest.param(
            {"istio.io/use-waypoint": "none"},
            {"istio.io/use-waypoint": "waypoint"},
            None,
            "service",
            True,
            id="none opts out",
        ),
        pytest.param(
            {"istio.io/use-waypoint": "waypoint", "istio.io/use-waypoint-namespace": "edge"},
            {},
            WAYPOINT._replace(namespace="edge"),
            "service",
            False,
            id="of another namespace",
        ),
        pytest.param(
            {"istio.io/use-waypoint-namespace": "edge"}, {}, None, "", False, id="no name, no waypoint"
        ),
        pytest.param(
            {"istio.io/use-waypoint": ""},
            {"istio.io/use-waypoint": "waypoint"},
            None,
            "service",
            False,
            id="an empty name hides the namespace's",
        ),
        pytest.param(
            {"istio.io/use-waypoint": "waypoint", "istio.io/use-waypoint-namespace": ""},
            {},
            WAYPOINT._replace(namespace=""),
            "service",
            False,
            id="an empty namespace is none",
        ),
        pytest.param(
            {"gateway.istio.io/managed": "istio.io-mesh-controller"},
            {"istio.io/use-waypoint": "waypoint"},
            None,
            "",
            False,
            id="a waypoint's own Service",
        ),
    ],
)  # fmt: skip
def test_binding(
    *,
    own: dict[str, str],
    of_namespace: dict[str, str],
    gateway: Ref | None,
    by: str,
    opted_out: bool,
) -> None:
    of = mesh_of(namespace("shop", **of_namespace), service(own))
    (front,) = of.services.all

    assert of.waypoints.bound_to(front) == (gateway, by, opted_out)


def test_a_waypoint_elsewhere_reads_what_stands_beside_it() -> None:
    """Bound to a waypoint of `edge`: a route of that namespace counts, one that it cannot see does not."""
    bound = service(
        {"istio.io/use-waypoint": "waypoint", "istio.io/use-waypoint-namespace": "edge"}
    )
    hosts = {"hosts": ["cart.shop.svc.cluster.local"]}

    assert reasons(shop(virtual_service(hosts, "edge"), front=bound)) == [("AMB201", True)]
    assert reasons(shop(virtual_service({**hosts, "exportTo": ["."]}), front=bound)) == []


def test_only_waypoints_are_gateways_of_theirs() -> None:
    api = "gateway.networking.k8s.io/v1"
    of = mesh_of(
        body(api, "Gateway", {"gatewayClassName": "istio-waypoint"}),
        body(api, "Gateway", {"gatewayClassName": "istio"}, "edge"),
    )

    assert [gateway.namespace for gateway in of.waypoints.gateways] == ["shop"]


def test_who_is_bound_and_what_shapes_it_can_be_looked_up() -> None:
    rule = destination_rule({"outlierDetection": {"interval": "1s"}})
    of = shop(rule, front=service({"istio.io/use-waypoint": "waypoint"}))
    (front,) = of.services.all
    (found,) = of.routing.destination_rules_for(front)

    assert of.waypoints.bound_services(WAYPOINT) == (front,)
    assert of.waypoints.bound_services(WAYPOINT._replace(name="other")) == ()
    assert of.waypoints.shaped_by(found) == (front,)
