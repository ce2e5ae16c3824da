"""What comes in by gateways: through the waypoint or past it, and which routes a gateway evaluates."""

import json
from typing import Any

import pytest

from migrator.istio.mesh import Mesh
from migrator.istio.traffic.entering import enters_by_waypoint, gateway_routes, is_told

from .manifests import mesh, resource

TELL = "istio.io/ingress-use-waypoint"
BOUND = {"istio.io/use-waypoint": "waypoint"}


def body(api: str, kind: str, spec: dict[str, Any], **labels: str) -> dict[str, Any]:
    meta = {"name": "cart", "namespace": "shop", "labels": labels}
    return {"apiVersion": api, "kind": kind, "metadata": meta, "spec": spec}


def virtual_service(spec: dict[str, Any]) -> dict[str, Any]:
    return body("networking.istio.io/v1", "VirtualService", spec)


def policy() -> dict[str, Any]:
    rules = [{"to": [{"operation": {"methods": ["DELETE"]}}]}]
    return body("security.istio.io/v1", "AuthorizationPolicy", {"action": "DENY", "rules": rules})


def shop(
    *more: dict[str, Any], own: dict[str, str] | None = None, inherited: str | None = None
) -> Mesh:
    pods = {"metadata": {"labels": {"app": "cart"}}, "spec": {"containers": [{"name": "app"}]}}
    labels = {"istio-injection": "enabled", **({} if inherited is None else {TELL: inherited})}
    everything = [
        {"kind": "Namespace", "metadata": {"name": "shop", "labels": labels}},
        body("apps/v1", "Deployment", {"template": pods}),
        body("v1", "Service", {"selector": {"app": "cart"}, "ports": [{"port": 80}]}, **(own or {})),
        *more,
    ]  # fmt: skip
    return mesh("\n---\n".join(json.dumps(one) for one in everything))


@pytest.mark.parametrize(
    ("own", "inherited", "expected"),
    [
        (None, None, False),
        ("true", None, True),
        ("1", None, True),  # as Go's strconv.ParseBool reads it
        ("yes", None, False),
        (None, "true", True),
        ("false", "true", False),
        ("true", "false", True),
    ],
)
def test_is_told(*, own: str | None, inherited: str | None, expected: bool) -> None:
    of = shop(own={} if own is None else {TELL: own}, inherited=inherited)

    assert is_told(of, of.services.all[0]) is expected


ROUTE = virtual_service(
    {
        "hosts": ["cart.example.com"],
        "gateways": ["edge/public"],
        "http": [{"route": [{"destination": {"host": "cart"}}]}],
    }
)


@pytest.mark.parametrize(
    ("own", "added", "expected"),
    [
        pytest.param({}, [ROUTE], False, id="no waypoint"),
        pytest.param(BOUND, [ROUTE], False, id="bound, and gateways are not told"),
        pytest.param({**BOUND, TELL: "true"}, [ROUTE], True, id="told"),
        pytest.param({TELL: "true"}, [ROUTE], False, id="told, but there is no waypoint"),
        pytest.param({}, [ROUTE, policy()], True, id="the plan tells them, for protection"),
        pytest.param({}, [policy()], False, id="protected, and no gateway leads there"),
    ],
)
def test_enters_by_waypoint(
    *, own: dict[str, str], added: list[dict[str, Any]], expected: bool
) -> None:
    of = shop(*added, own=own)

    assert enters_by_waypoint(of, of.services.all[0]) is expected


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"http": [{}]}, []),  # for the mesh
        ({"gateways": ["edge/public"], "http": [{}], "tls": [{}]}, ["spec.http[0]", "spec.tls[0]"]),
        (
            {
                "gateways": ["mesh", "edge/public"],
                "http": [
                    {"match": [{"gateways": ["mesh"]}]},
                    {"match": [{"gateways": ["edge/public"]}]},
                    {"match": [{"uri": {"prefix": "/"}}]},
                ],
            },
            ["spec.http[1]", "spec.http[2]"],
        ),
    ],
)
def test_gateway_routes(spec: dict[str, Any], expected: list[str]) -> None:
    found = gateway_routes(resource(virtual_service(spec)))

    assert [path for _, path, _ in found] == expected
