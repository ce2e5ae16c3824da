"""What the simulated istiod says of routes, and a plan that replaces a VirtualService, gone through there."""

import pytest
import yaml

from migrator.adapters.fake import FakeClock, FakeCluster
from migrator.engine.predicates import observe
from migrator.istio import kinds
from migrator.model.resource import Ref
from migrator.model.snapshot import Snapshot
from migrator.model.verdict import State
from migrator.steps import Check, Person, Target
from tests.unit.manifests import resource

SHOP = """
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {selector: {app: cart}, ports: [{name: http, port: 80}]}
"""
PARENT = {"group": "", "kind": "Service", "name": "cart"}
ROUTE = Ref(*kinds.HTTP_ROUTE, "shop", "cart")


def route(backend, mirror="cart"):
    mirrored = {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": mirror}}}
    rule = {"filters": [mirrored], "backendRefs": [{"name": backend}]}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "cart", "namespace": "shop"},
        "spec": {"parentRefs": [PARENT], "rules": [rule]},
    }


@pytest.mark.parametrize(
    ("body", "state", "says"),
    [
        (route("cart"), State.DONE, "every parent is Accepted"),
        (route("gone"), State.WAITING, "backend(Service/shop/gone) not found"),
        (route("cart", "gone"), State.WAITING, "backend(Service/shop/gone) not found"),
    ],
    ids=["there", "gone", "mirror"],
)
def test_a_route_is_accepted_and_its_destinations_looked_up(body, state, says):
    cluster = FakeCluster.of(Snapshot(map(resource, yaml.safe_load_all(SHOP))), FakeClock())
    cluster.create(body)
    cluster.clock.sleep(1)
    target = Target.of(ROUTE)
    step = Person(id="p", target=target, why="", title="", instruction="")
    found = observe(Check(predicate="route-accepted", about=target, says=""), step, cluster)

    assert found.state is state
    assert says in found.says
