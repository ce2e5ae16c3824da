"""NetworkPolicies of a mesh: whom their peers name, held against each pod asked by itself."""

from typing import Any

import pytest

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.network.networkpolicy import Direction, Peer, is_member
from migrator.model.resource import GroupKind, Ref, Resource
from migrator.model.snapshot import Snapshot


def one(kind: GroupKind, namespace: str, name: str, body: dict[str, Any]) -> Resource:
    return Resource(Ref(*kind, namespace, name), body)


def deployment(namespace: str, name: str) -> Resource:
    template = {"metadata": {"labels": {"app": name, "in": namespace}}}
    return one(kinds.DEPLOYMENT, namespace, name, {"spec": {"template": template}})


WEB = one(
    kinds.NETWORK_POLICY, "shop", "web", {"spec": {"podSelector": {"matchLabels": {"app": "web"}}}}
)
ELSEWHERE = one(kinds.NETWORK_POLICY, "ops", "all", {"spec": {"podSelector": {}}})
MESH = Mesh(
    Snapshot(
        [
            one(kinds.NAMESPACE, "", "shop", {"metadata": {"labels": {"team": "sales"}}}),
            one(kinds.NAMESPACE, "", "ops", {"metadata": {"labels": {"team": "ops"}}}),
            *(
                deployment(where, name)
                for where in ("shop", "ops", "undeclared")
                for name in ("web", "db")
            ),
            WEB,
            ELSEWHERE,
        ]
    )
)
WEB_PODS = {"matchLabels": {"app": "web"}}
SALES = {"matchLabels": {"team": "sales"}}
BY_NAME = {
    "matchExpressions": [
        {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["undeclared"]}
    ]
}


@pytest.mark.parametrize("namespace", ["shop", "ops", "undeclared", "empty"])
@pytest.mark.parametrize(
    "peer",
    [
        {},
        {"podSelector": {}},
        {"podSelector": WEB_PODS},
        {"namespaceSelector": {}},
        {"namespaceSelector": {}, "podSelector": WEB_PODS},
        {"namespaceSelector": SALES},
        {"namespaceSelector": SALES, "podSelector": WEB_PODS},
        {"namespaceSelector": BY_NAME, "podSelector": WEB_PODS},
        {"ipBlock": {"cidr": "0.0.0.0/0"}},
    ],
)
def test_members_are_those_that_are_one_by_one(peer: Peer, namespace: str) -> None:
    asked = {w.ref for w in MESH.workloads if is_member(peer, namespace, MESH.network.pod_of(w))}

    assert {w.ref for w in MESH.network.members(peer, namespace)} == asked


def test_a_peer_of_the_namespace_is_another_in_another_namespace() -> None:
    peer: Peer = {"podSelector": WEB_PODS}

    found = [MESH.network.members(peer, namespace) for namespace in ("shop", "ops")]

    assert [[str(w.ref) for w in group] for group in found] == [
        ["Deployment/shop/web"],
        ["Deployment/ops/web"],
    ]


def test_policies_isolate_the_pods_of_their_own_namespace() -> None:
    found = {
        str(w.ref): MESH.network.isolating(MESH.network.pod_of(w), Direction.INGRESS)
        for w in MESH.workloads
    }

    assert found == {
        "Deployment/shop/web": (WEB,),
        "Deployment/shop/db": (),
        "Deployment/ops/web": (ELSEWHERE,),
        "Deployment/ops/db": (ELSEWHERE,),
        "Deployment/undeclared/web": (),
        "Deployment/undeclared/db": (),
    }
