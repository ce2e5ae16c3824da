"""What becomes of policies by identity once calls come through a waypoint."""

from typing import Any

import pytest

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.policies.effective import enforced
from migrator.istio.traffic.behind_waypoint import all_changes
from migrator.istio.traffic.fronts import fronts
from migrator.model.finding import Effect
from migrator.model.resource import GroupKind, Ref, Resource
from migrator.model.snapshot import Snapshot

WAYPOINT = "cluster.local/ns/shop/sa/wp"
FRONT = "cluster.local/ns/shop/sa/front"


def resource(kind: GroupKind, name: str, spec: dict[str, Any], **labels: str) -> Resource:
    namespace = "" if kind == kinds.NAMESPACE else "shop"
    return Resource(Ref(*kind, namespace, name), {"metadata": {"labels": labels}, "spec": spec})


def policy(name: str, action: str, source: dict[str, list[str]]) -> Resource:
    return resource(
        kinds.AUTHORIZATION_POLICY,
        name,
        {"action": action, "rules": [{"from": [{"source": source}]}]},
    )


def mesh_of(*policies: Resource, **labels: str) -> Mesh:
    template = {"metadata": {"labels": {"app": "cart"}}, "spec": {"containers": []}}
    return Mesh(
        Snapshot(
            [
                resource(kinds.NAMESPACE, "shop", {}, **{"istio-injection": "enabled"}),
                resource(kinds.DEPLOYMENT, "cart", {"template": template}),
                resource(
                    kinds.SERVICE,
                    "cart",
                    {"selector": {"app": "cart"}, "ports": [{"port": 80}]},
                    **(labels or {"istio.io/use-waypoint": "wp"}),
                ),
                *policies,
            ]
        )
    )


@pytest.mark.parametrize(
    ("action", "source", "effect"),
    [
        ("ALLOW", {"principals": [FRONT]}, Effect.CLOSED),
        ("ALLOW", {"serviceAccounts": ["front"]}, Effect.CLOSED),
        ("ALLOW", {"namespaces": ["front"]}, Effect.CLOSED),
        ("ALLOW", {"namespaces": ["shop"]}, Effect.WIDER),
        ("ALLOW", {"notNamespaces": ["front"]}, Effect.WIDER),
        ("ALLOW", {"notNamespaces": ["shop"]}, Effect.CLOSED),
        ("DENY", {"principals": [FRONT]}, Effect.OPEN),
        ("DENY", {"namespaces": ["front"]}, Effect.OPEN),
        ("DENY", {"namespaces": ["shop"]}, Effect.WIDER),
        ("DENY", {"notPrincipals": [FRONT]}, Effect.WIDER),
        ("DENY", {"notNamespaces": ["shop"]}, Effect.OPEN),
        ("ALLOW", {"principals": ["*"]}, None),
        ("ALLOW", {"principals": [FRONT, WAYPOINT]}, None),
        ("DENY", {"notPrincipals": ["*"]}, None),
        ("DENY", {"notPrincipals": [FRONT, WAYPOINT]}, None),
        ("ALLOW", {"ipBlocks": ["10.0.0.0/8"]}, None),
        ("CUSTOM", {"principals": [FRONT]}, None),
    ],
)
def test_what_a_field_becomes(
    action: str, source: dict[str, list[str]], effect: Effect | None
) -> None:
    mesh = mesh_of(policy("p", action, source))

    found = [change.effect for one in enforced(mesh) for _, change in all_changes(mesh, one)]
    assert found == ([] if effect is None else [effect])


def test_another_allow_may_name_the_waypoint() -> None:
    mesh = mesh_of(
        policy("callers", "ALLOW", {"principals": [FRONT]}),
        policy("waypoint", "ALLOW", {"principals": [WAYPOINT]}),
    )

    assert [c for one in enforced(mesh) for _, c in all_changes(mesh, one)] == []


def test_without_a_waypoint_nothing_changes() -> None:
    mesh = mesh_of(
        policy("callers", "ALLOW", {"principals": [FRONT]}), **{"istio.io/use-waypoint": "none"}
    )

    assert fronts(mesh, mesh.meshed) == ()
    assert [c for one in enforced(mesh) for _, c in all_changes(mesh, one)] == []


def test_a_service_with_a_reason_is_going_to_have_one() -> None:
    http = resource(
        kinds.AUTHORIZATION_POLICY,
        "reads",
        {"rules": [{"to": [{"operation": {"methods": ["GET"]}}]}]},
    )
    mesh = mesh_of(http, team="cart")

    (front,) = fronts(mesh, mesh.meshed)
    assert (front.gateway.namespace, front.gateway.name, front.bound) == ("shop", "waypoint", False)
