"""Services: protocols of ports, target ports, the workloads behind."""

from typing import Any

import pytest

from migrator.istio import kinds
from migrator.istio.services import UNDECLARED, protocol_of
from migrator.model.resource import Ref

from .manifests import mesh

SHOP = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop}
spec:
  template:
    metadata: {labels: {app: cart, tier: web}}
    spec:
      containers:
      - {name: helper}
      - name: app
        ports: [{name: api, containerPort: 8080}, {name: admin, containerPort: 9000}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: stock, namespace: shop}
spec:
  template:
    metadata: {labels: {app: stock, tier: web}}
    spec: {containers: [{name: app}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: other}
spec:
  template:
    metadata: {labels: {app: cart}}
    spec: {containers: [{name: app}]}
---
"""


def service(**spec: Any) -> Any:
    import json

    body = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "front", "namespace": "shop"},
        "spec": spec,
    }
    of = mesh(SHOP + json.dumps(body))
    return of, of.services.all[0]


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        pytest.param({"name": "http"}, ("HTTP", True), id="name"),
        pytest.param({"name": "http-admin"}, ("HTTP", True), id="name with a suffix"),
        pytest.param({"name": "HTTP2-x"}, ("HTTP2", True), id="case does not count"),
        pytest.param({"name": "grpc-web"}, ("GRPC-WEB", True), id="the name with a dash"),
        pytest.param({"name": "grpc-web-x"}, ("GRPC-WEB", True), id="that and a suffix"),
        pytest.param({"name": "grpc-x"}, ("GRPC", True), id="grpc"),
        pytest.param({"name": "https"}, ("HTTPS", True), id="https"),
        pytest.param({"name": "mongo-main"}, ("MONGO", True), id="mongo"),
        pytest.param({"name": "httpx"}, (UNDECLARED, False), id="only whole words"),
        pytest.param({"name": "web-http"}, (UNDECLARED, False), id="only at the beginning"),
        pytest.param({}, (UNDECLARED, False), id="no name"),
        pytest.param({"name": "web", "appProtocol": "http"}, ("HTTP", True), id="appProtocol"),
        pytest.param(
            {"name": "http", "appProtocol": "example.com/x"}, (UNDECLARED, False), id="it wins"
        ),
        pytest.param({"appProtocol": "kubernetes.io/h2c"}, ("HTTP2", True), id="h2c"),
        pytest.param({"appProtocol": "kubernetes.io/ws"}, ("HTTP", True), id="ws"),
        pytest.param({"appProtocol": "kubernetes.io/wss"}, ("HTTPS", True), id="wss"),
        pytest.param({"port": 3306}, ("TCP", False), id="MySQL's port is never sniffed"),
        pytest.param({"port": 3306, "name": "http"}, ("HTTP", True), id="unless it has a name"),
        pytest.param({"protocol": "UDP", "name": "http"}, ("UDP", True), id="UDP is UDP"),
        pytest.param({"protocol": "SCTP"}, ("SCTP", True), id="SCTP"),
    ],
)
def test_protocol(port: dict[str, Any], expected: tuple[str, bool]) -> None:
    assert protocol_of(port) == expected


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        pytest.param({}, 80, id="the port itself"),
        pytest.param({"targetPort": 8080}, 8080, id="a number"),
        pytest.param({"targetPort": "8081"}, 8081, id="a number as text"),
        pytest.param({"targetPort": "admin"}, 9000, id="a name of the second container"),
        pytest.param({"targetPort": "metrics"}, None, id="a name that nobody has"),
    ],
)
def test_target_port(target: dict[str, Any], expected: int | None) -> None:
    _, found = service(selector={"app": "cart"}, ports=[{"port": 80, **target}])

    assert [port.target for port in found.ports] == [expected]
    assert found.ports[0].path == "spec.ports[0]"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({"selector": {"app": "cart"}}, ["cart"], id="of its namespace only"),
        pytest.param({"selector": {"tier": "web"}}, ["cart", "stock"], id="several"),
        pytest.param({"selector": {"app": "cart", "tier": "db"}}, [], id="every label counts"),
        pytest.param({}, [], id="no selector, no workloads"),
        pytest.param(
            {"type": "ExternalName", "selector": {"app": "cart"}}, [], id="a name has no pods"
        ),
    ],
)
def test_workloads_behind(spec: dict[str, Any], expected: list[str]) -> None:
    of, found = service(**spec)

    assert [w.name for w in of.services.workloads(found)] == expected
    assert {w.namespace for w in of.services.workloads(found)} <= {"shop"}
    in_front = [w.name for w in of.workloads if found in of.services.of_workload(w)]
    assert in_front == expected


def test_a_service_is_found_by_every_key() -> None:
    of, found = service(clusterIP="None", selector={"app": "cart"})

    assert of.services.by_host("front.shop.svc.cluster.local") is found
    assert of.services.get(Ref(*kinds.SERVICE, "shop", "front")) is found
    assert of.services.in_namespace("shop") == (found,)
    assert of.services.in_namespace("other") == ()
    assert of.services.by_host("front.other.svc.cluster.local") is None
    assert (found.headless, found.type) == (True, "ClusterIP")
