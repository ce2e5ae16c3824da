"""A route is read for each of its parents, at this generation."""

import pytest

from migrator.istio import kinds
from migrator.model.resource import Ref
from migrator.model.verdict import State

from .seen import changed, cluster, is_so, look

DONE, WAITING, FAILED = State.DONE, State.WAITING, State.FAILED
ROUTE = Ref(*kinds.HTTP_ROUTE, "shop", "cart")
PARENT = {"group": "", "kind": "Service", "name": "cart"}
OTHER = {**PARENT, "port": 8080}


def says(parent, *, accepted="True", resolved="True", generation=3):
    conditions = [
        {"type": "Accepted", "status": accepted, "observedGeneration": generation},
        {"type": "ResolvedRefs", "status": resolved, "observedGeneration": generation,
         "reason": "BackendNotFound"},
    ]  # fmt: skip
    return {"parentRef": parent, "controllerName": "istio.io/c", "conditions": conditions}


def route(*statuses, parents=(PARENT,)):
    return changed(
        "{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute,"
        " metadata: {name: cart, namespace: shop, generation: 3}}",
        spec__parentRefs=list(parents),
        status__parents=list(statuses),
    )


@pytest.mark.parametrize(
    ("body", "state", "words"),
    [
        (route(says(PARENT)), DONE, ["every parent is Accepted"]),
        (route(), WAITING, ["Service/cart: condition Accepted of this generation is awaited"]),
        (route(says(PARENT, generation=2)), WAITING, ["of this generation is awaited"]),
        (route(says(PARENT, accepted="False")), WAITING, ["Accepted is False"]),
        (
            route(says(PARENT, resolved="False")),
            WAITING,
            ["ResolvedRefs is False (BackendNotFound)"],
        ),
        (route(says(PARENT, accepted="False"), says(PARENT)), DONE, []),
        (route(says(PARENT), parents=(PARENT, OTHER)), WAITING, ["of this generation is awaited"]),
        (route(says(PARENT), says(OTHER), parents=(PARENT, OTHER)), DONE, []),
    ],
    ids=range(8),
)
def test_a_route(body, state, words):
    is_so(look("route-accepted", ROUTE, cluster(body)), state, *words)


def test_a_route_that_is_gone():
    is_so(look("route-accepted", ROUTE, cluster()), FAILED, "is not there")
