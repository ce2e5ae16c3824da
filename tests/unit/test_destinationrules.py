"""DestinationRules: for whom they are applied, and what nobody applies."""

import json
from typing import Any

import pytest

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.policies.clientpolicy import CLIENT_POLICY
from migrator.istio.traffic.destinationrules import listed, losses, meshed_services, shapes

from .manifests import mesh, resource

POOL = {"connectionPool": {"tcp": {"maxConnections": 1}}}
BOUND = {"istio.io/use-waypoint": "waypoint"}
CART = "cart.shop.svc.cluster.local"


def body(kind: str, spec: dict[str, Any], home: str = "shop", **labels: str) -> dict[str, Any]:
    apis = {"Service": "v1", "Deployment": "apps/v1"}
    meta = {"name": "cart", "namespace": home, "labels": labels}
    api = apis.get(kind, "networking.istio.io/v1")
    return {"apiVersion": api, "kind": kind, "metadata": meta, "spec": spec}


def rule(policy: dict[str, Any], home: str = "shop", **spec: Any) -> dict[str, Any]:
    return body("DestinationRule", {"host": CART, "trafficPolicy": policy, **spec}, home)


def shop(*more: dict[str, Any], **labels: str) -> Mesh:
    pods = {"metadata": {"labels": {"app": "cart"}}, "spec": {"containers": [{"name": "app"}]}}
    everything = [
        {"kind": "Namespace", "metadata": {"name": "shop", "labels": {"istio-injection": "enabled"}}},
        body("Deployment", {"template": pods}),
        body("Service", {"selector": {"app": "cart"}, "ports": [{"port": 80}]}, **labels),
        *more,
    ]  # fmt: skip
    return mesh("\n---\n".join(json.dumps(one) for one in everything))


@pytest.mark.parametrize(
    ("added", "labels", "expected"),
    [
        pytest.param([rule(POOL)], {}, [CART], id="nobody applies it"),
        pytest.param([rule(POOL)], BOUND, [], id="the waypoint does"),
        pytest.param(
            [
                rule(POOL),
                body("VirtualService", {"hosts": ["cart"], "http": [{"timeout": "1s"}]}),
            ],
            {},
            [],
            id="the waypoint to come does",
        ),
        pytest.param([rule({"tls": {"mode": "ISTIO_MUTUAL"}})], {}, [], id="nothing to lose"),
        pytest.param([rule(POOL, "web")], {}, [], id="a consumer's has a rule of its own"),
        pytest.param(
            [rule(POOL, workloadSelector={"matchLabels": {"app": "x"}})],
            {},
            [],
            id="so has one of chosen clients",
        ),
    ],
)
def test_losses_for_services(
    added: list[dict[str, Any]], labels: dict[str, str], expected: list[str]
) -> None:
    found = list(losses(shop(*added, **labels), CLIENT_POLICY))

    assert [service.host for loss in found for service in loss.services] == expected


@pytest.mark.parametrize(("labels", "lost"), [({}, True), (BOUND, False)])
def test_losses_for_external_hosts(*, labels: dict[str, str], lost: bool) -> None:
    of = shop(
        body("ServiceEntry", {"hosts": ["rates.example.com"]}, **labels),
        rule(POOL, host="*.example.com"),
    )
    found = list(losses(of, CLIENT_POLICY))

    assert [entry.name for loss in found for entry in loss.entries] == (["cart"] if lost else [])
    assert [loss.names for loss in found] == (["connectionPool"] if lost else [])


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"trafficPolicy": {"tls": {"mode": "ISTIO_MUTUAL"}}}, False),
        ({"trafficPolicy": {"tls": {"mode": "DISABLE"}}}, False),
        ({"trafficPolicy": {"tls": {"mode": "SIMPLE"}}}, True),
        ({"trafficPolicy": {"portLevelSettings": [{"tls": {"mode": "MUTUAL"}}]}}, True),
        ({"trafficPolicy": POOL}, True),
        ({"subsets": [{"name": "v1"}]}, True),
        ({}, False),
    ],
)
def test_shapes(*, spec: dict[str, Any], expected: bool) -> None:
    assert shapes(resource(body("DestinationRule", spec))) is expected


def test_a_wildcard_covers_services_of_the_mesh_only() -> None:
    of = shop(
        body("Service", {"selector": {"app": "cart"}}, "plain"),
        rule(POOL, "istio-system", host="*.local"),
    )
    (found,) = of.of(kinds.DESTINATION_RULE)

    assert [service.host for service in meshed_services(of, found)] == [CART]


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        (["a"], "a"),
        (["a", "b", "a"], "a, b"),
        (["a", "b", "c", "d", "e", "f"], "a, b, c, d and 2 more"),
    ],
)
def test_listed(hosts: list[str], expected: str) -> None:
    assert listed(hosts) == expected
