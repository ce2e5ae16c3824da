"""What istiod does and the model once did not: found by holding every moment of plans against it."""

import pytest

from migrator.exposure.patterns import matches
from migrator.exposure.state import State
from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.resource import Ref, Resource
from migrator.model.snapshot import Snapshot


@pytest.mark.parametrize(
    ("pattern", "token", "met"),
    [
        ("https://issuer.example/*", "https://issuer.example/", False),
        ("https://issuer.example/*", "https://issuer.example/somebody", True),
        ("*/somebody", "/somebody", False),
        ("*/somebody", "https://issuer.example/somebody", True),
    ],
)
def test_a_lone_star_in_a_request_principal_wants_something_there(pattern, token, met):
    assert matches("token", pattern, token) is met


@pytest.mark.parametrize(
    ("own", "name", "revision"),
    [
        ({}, "orders-v2", "latest"),
        ({"app": "orders", "version": "v2"}, "orders", "v2"),
        ({"app.kubernetes.io/name": "shop-orders", "app": "orders"}, "shop-orders", "latest"),
    ],
)
def test_policies_may_select_by_the_labels_that_injection_adds(own, name, revision):
    template = {"metadata": {"labels": own}, "spec": {"containers": [{"name": "app"}]}}
    space = Resource(
        Ref(*kinds.NAMESPACE, "", "shop"),
        {"metadata": {"name": "shop", "labels": {"istio-injection": "enabled"}}},
    )
    orders = Resource(
        Ref(*kinds.DEPLOYMENT, "shop", "orders-v2"),
        {"metadata": {"name": "orders-v2", "namespace": "shop"}, "spec": {"template": template}},
    )
    mesh = Mesh(Snapshot([space, orders]))
    (pods,) = State(mesh).pods_of(mesh.workloads[0])

    assert dict(pods.labels) == {
        **own,
        "networking.istio.io/tunnel": "http",
        "security.istio.io/tlsMode": "istio",
        "service.istio.io/canonical-name": name,
        "service.istio.io/canonical-revision": revision,
    }
