"""Routes: which concern the mesh, what their hosts mean, who sees them, what a waypoint makes of them."""

import json
from typing import Any

import pytest

from migrator.istio.mesh import Mesh
from migrator.istio.policies.clientpolicy import fields
from migrator.istio.traffic.routefields import Verdict, http_features, match_fields
from migrator.istio.traffic.routing import destinations, is_for_gateway, is_for_mesh
from migrator.model.resource import Resource

from .manifests import mesh, resource

NETWORKING = "networking.istio.io/v1"


def body(kind: str, home: str, name: str, spec: dict[str, Any], api: str = NETWORKING) -> Any:
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": {"name": name, "namespace": home},
        "spec": spec,
    }


def virtual_service(spec: dict[str, Any], home: str = "shop", name: str = "cart") -> Any:
    return body("VirtualService", home, name, spec)


def destination_rule(home: str, name: str, **spec: Any) -> Any:
    return body("DestinationRule", home, name, spec)


def service(home: str, name: str) -> Any:
    return body("Service", home, name, {"ports": [{"port": 80}]}, "v1")


def mesh_of(*bodies: Any) -> Mesh:
    return mesh("\n---\n".join(json.dumps(one) for one in bodies))


def only(spec: dict[str, Any]) -> Resource:
    return resource(virtual_service(spec))


@pytest.mark.parametrize(
    ("gateways", "for_mesh", "for_gateway"),
    [
        (None, True, False),
        ([], True, False),
        (["mesh"], True, False),
        (["edge/public"], False, True),
        (["mesh", "edge/public"], True, True),
    ],
)
def test_whom_a_virtual_service_is_for(
    *, gateways: list[str] | None, for_mesh: bool, for_gateway: bool
) -> None:
    found = only({} if gateways is None else {"gateways": gateways})

    assert (is_for_mesh(found), is_for_gateway(found)) == (for_mesh, for_gateway)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        pytest.param("cart", ["cart.shop.svc.cluster.local"], id="short: of its own namespace"),
        pytest.param("stock", [], id="which has no such Service"),
        pytest.param(
            "stock.depot.svc.cluster.local", ["stock.depot.svc.cluster.local"], id="full name"
        ),
        pytest.param("stock.depot", [], id="a half name covers nothing"),
        pytest.param("*.depot.svc.cluster.local", ["stock.depot.svc.cluster.local"], id="wildcard"),
        pytest.param("www.example.com", [], id="a name of the outside"),
    ],
)
def test_services_of_a_host(host: str, expected: list[str]) -> None:
    of = mesh_of(
        service("shop", "cart"), service("depot", "stock"), virtual_service({"hosts": [host]})
    )

    assert [s.host for s in of.routing.services_matching(host, "shop")] == expected
    covered = [s.host for s in of.services.all if of.routing.virtual_services_for(s)]
    assert covered == expected


def test_a_virtual_service_for_gateways_only_routes_no_service() -> None:
    of = mesh_of(
        service("shop", "cart"), virtual_service({"hosts": ["cart"], "gateways": ["edge/public"]})
    )

    assert of.routing.virtual_services_for(of.services.all[0]) == ()
    assert of.routing.mesh_virtual_services == ()


@pytest.mark.parametrize(
    ("export", "default", "namespace", "expected"),
    [
        (None, None, "depot", True),
        (["*"], None, "depot", True),
        (["."], None, "depot", False),
        (["."], None, "shop", True),
        (["depot"], None, "depot", True),
        (["depot"], None, "shop", False),
        (["~"], None, "shop", False),
        (None, ["."], "depot", False),
        (None, ["."], "shop", True),
        (["*"], ["."], "depot", True),
    ],
)
def test_visibility(
    *, export: list[str] | None, default: list[str] | None, namespace: str, expected: bool
) -> None:
    spec = {"hosts": ["cart"], **({} if export is None else {"exportTo": export})}
    values = {} if default is None else {"defaultVirtualServiceExportTo": default}
    of = mesh_of(
        virtual_service(spec),
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "istio", "namespace": "istio-system"},
            "data": {"mesh": json.dumps(values)},
        },
    )

    (found,) = of.routing.mesh_virtual_services
    assert of.routing.visible_to(found, namespace) is expected


CART = "cart.shop.svc.cluster.local"


@pytest.mark.parametrize(
    ("rules", "home", "expected"),
    [
        pytest.param(
            [("shop", "a", {"host": "cart"})], "shop", ["a"], id="the Service's namespace"
        ),
        pytest.param([("web", "a", {"host": CART})], "shop", [], id="a consumer's is not read"),
        pytest.param([("web", "a", {"host": CART})], "web", ["a"], id="the waypoint's own"),
        pytest.param(
            [("shop", "a", {"host": "cart"}), ("web", "b", {"host": CART})],
            "web",
            ["b"],
            id="the waypoint's own comes first",
        ),
        pytest.param(
            [("shop", "a", {"host": "cart", "exportTo": ["."]})], "web", [], id="not exported"
        ),
        pytest.param(
            [("istio-system", "a", {"host": "*.local"})], "shop", ["a"], id="the root namespace"
        ),
        pytest.param(
            [("istio-system", "a", {"host": "*.local"}), ("shop", "b", {"host": "cart"})],
            "shop",
            ["b"],
            id="the root namespace comes last",
        ),
        pytest.param(
            [("shop", "a", {"host": "*.shop.svc.cluster.local"}), ("shop", "b", {"host": "cart"})],
            "shop",
            ["b"],
            id="an exact host comes first",
        ),
        pytest.param(
            [
                ("shop", "a", {"host": "*.local"}),
                ("shop", "b", {"host": "*.shop.svc.cluster.local"}),
            ],
            "shop",
            ["b"],
            id="the longer wildcard comes first",
        ),
        pytest.param(
            [("shop", "a", {"host": "cart"}), ("shop", "b", {"host": CART})],
            "shop",
            ["a", "b"],
            id="two for one host are merged",
        ),
        pytest.param(
            [
                ("shop", "a", {"host": "cart", "exportTo": ["web"]}),
                ("shop", "b", {"host": "*.local"}),
            ],
            "bank",
            [],
            id="one that is not exported here hides the wildcard",
        ),
        pytest.param(
            [
                ("shop", "a", {"host": "cart", "exportTo": ["."]}),
                ("shop", "b", {"host": "*.local"}),
            ],
            "bank",
            ["b"],
            id="one of its own namespace only does not",
        ),
        pytest.param(
            [("shop", "a", {"host": "cart", "workloadSelector": {"matchLabels": {"app": "x"}}})],
            "shop",
            [],
            id="chosen clients only",
        ),
    ],
)
def test_destination_rules_at_a_waypoint(rules: list[Any], home: str, expected: list[str]) -> None:
    of = mesh_of(
        service("shop", "cart"), *(destination_rule(ns, name, **spec) for ns, name, spec in rules)
    )
    found = of.routing.destination_rules_at(of.services.all[0], home)

    assert [rule.name for rule in found] == expected


def test_every_destination_is_found() -> None:
    there = {"destination": {"host": "cart"}}
    found = only(
        {
            "http": [
                {"route": [there, there], "mirror": {"host": "shadow"}},
                {"route": [there], "mirrors": [{"destination": {"host": "other"}}]},
            ],
            "tls": [{"route": [there]}],
            "tcp": [{"route": [there]}],
        }
    )

    assert [(one.host, one.path) for one in destinations(found)] == [
        ("cart", "spec.http[0].route[0].destination"),
        ("cart", "spec.http[0].route[1].destination"),
        ("shadow", "spec.http[0].mirror"),
        ("cart", "spec.http[1].route[0].destination"),
        ("other", "spec.http[1].mirrors[0].destination"),
        ("cart", "spec.tls[0].route[0].destination"),
        ("cart", "spec.tcp[0].route[0].destination"),
    ]


@pytest.mark.parametrize(
    ("protocol", "match", "expected"),
    [
        ("http", {"uri": {"prefix": "/"}, "headers": {}}, {"uri": "works", "headers": "works"}),
        ("http", {"sourceLabels": {"app": "x"}}, {"sourceLabels": "dropped"}),
        ("http", {"sourceNamespace": "web"}, {"sourceNamespace": "changed"}),
        ("http", {"port": 80, "gateways": ["mesh"]}, {"port": "works", "gateways": "works"}),
        ("http", {"uri": {"prefix": "/"}, "gateways": ["edge/public"]}, {}),
        ("tcp", {"port": 80, "sourceLabels": {"a": "b"}}, {"port": "works", "sourceLabels": "dropped"}),
        ("tcp", {"sourceNamespace": "web"}, {"sourceNamespace": "dropped"}),
        ("tcp", {"sourceSubnet": "10.0.0.0/8"}, {"sourceSubnet": "changed"}),
        ("tls", {"sniHosts": ["x"]}, {"sniHosts": "changed"}),
    ],
)  # fmt: skip
def test_verdicts_on_match_fields(
    protocol: str, match: dict[str, Any], expected: dict[str, str]
) -> None:
    found = only({"gateways": ["mesh", "edge/public"], protocol: [{"match": [match]}]})

    assert {use.name: use.verdict.value for use in match_fields(found)} == expected
    assert {use.path.rpartition(".")[0] for use in match_fields(found)} <= {
        f"spec.{protocol}[0].match[0]"
    }


def test_features_of_http_routes_for_the_mesh() -> None:
    found = only(
        {
            "gateways": ["mesh", "edge/public"],
            "http": [
                {"timeout": "2s", "retries": {"attempts": 2}, "route": []},
                {"match": [{"gateways": ["edge/public"]}], "timeout": "9s"},
            ],
        }
    )

    assert [(use.path, use.value) for use in http_features(found)] == [
        ("spec.http[0].timeout", "2s"),
        ("spec.http[0].retries", {"attempts": 2}),
    ]
    assert {use.verdict for use in http_features(found)} == {Verdict.WORKS}


def test_settings_of_a_destination_rule() -> None:
    policy = {
        "tls": {"mode": "SIMPLE"},
        "loadBalancer": {"simple": "RANDOM", "warmup": {"duration": "3s"}},
        "portLevelSettings": [{"port": {"number": 80}, "outlierDetection": {"interval": "1s"}}],
    }
    found = resource(
        destination_rule(
            "shop",
            "cart",
            trafficPolicy=policy,
            subsets=[{"name": "v1", "trafficPolicy": {"connectionPool": {"tcp": {}}}}],
        )
    )

    assert [(one.name, one.path) for one in fields(found)] == [
        ("tls", "spec.trafficPolicy.tls"),
        ("loadBalancer.simple", "spec.trafficPolicy.loadBalancer.simple"),
        ("loadBalancer.warmup", "spec.trafficPolicy.loadBalancer.warmup"),
        ("outlierDetection", "spec.trafficPolicy.portLevelSettings[0].outlierDetection"),
        ("connectionPool", "spec.subsets[0].trafficPolicy.connectionPool"),
    ]
