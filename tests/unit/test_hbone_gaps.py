"""Gaps between the ports that NetworkPolicies know and the one on which HBONE arrives."""

from typing import Any

import pytest

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.pods.hbone_gaps import gaps
from migrator.model.resource import GroupKind, Ref, Resource
from migrator.model.snapshot import Snapshot

FROM_WEB = {"podSelector": {"matchLabels": {"app": "web"}}}
FROM_OPS = {"namespaceSelector": {"matchLabels": {"team": "ops"}}}
FROM_ELSEWHERE = {"namespaceSelector": {"matchLabels": {"team": "elsewhere"}}}
HTTP, HBONE, DNS = {"port": 8080}, {"port": 15008}, {"port": 53}


def one(kind: GroupKind, namespace: str, name: str, body: dict[str, Any]) -> Resource:
    return Resource(Ref(kind.group, kind.kind, namespace, name), body)


def namespace(name: str, **labels: str) -> Resource:
    return one(kinds.NAMESPACE, "", name, {"metadata": {"labels": labels}})


def deployment(where: str, name: str, *ports: int) -> Resource:
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [{"name": name, "ports": [{"containerPort": p} for p in ports]}]},
    }
    return one(kinds.DEPLOYMENT, where, name, {"spec": {"template": template}})


SHOP = (
    one(kinds.NAMESPACE, "", "shop", {"metadata": {"labels": {"istio-injection": "enabled"}}}),
    namespace("monitoring", team="ops"),
    deployment("shop", "cart", 8080),
    deployment("shop", "web", 3000),
    deployment("monitoring", "prometheus", 9090),
)


def found(*specs: dict[str, Any]) -> list[tuple[str, str, tuple[str, ...], tuple[str, ...]]]:
    """The gaps of policies p0, p1, …: policy, direction, ports, names of the workloads."""
    policies = [
        one(kinds.NETWORK_POLICY, "shop", f"p{i}", {"spec": spec}) for i, spec in enumerate(specs)
    ]
    return [
        (gap.policy.name, gap.direction.value, gap.ports, tuple(w.name for w in gap.workloads))
        for gap in gaps(Mesh(Snapshot([*SHOP, *policies])))
    ]


def ingress(*rules: dict[str, Any], app: str = "cart") -> dict[str, Any]:
    return {"podSelector": {"matchLabels": {"app": app}}, "ingress": list(rules)}


def egress(*rules: dict[str, Any], app: str = "web") -> dict[str, Any]:
    return {
        "podSelector": {"matchLabels": {"app": app}},
        "policyTypes": ["Egress"],
        "egress": list(rules),
    }


IN = ("p0", "ingress", ("8080",), ("cart",))
OUT = ("p0", "egress", ("8080",), ("web",))


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        pytest.param([], [], id="nobody is let in"),
        pytest.param([{"from": [FROM_WEB], "ports": [HTTP]}], [IN], id="by port"),
        pytest.param([{"from": [FROM_WEB]}], [], id="all ports"),
        pytest.param([{}], [], id="everything"),
        pytest.param([{"ports": [HTTP]}], [IN], id="everybody, by port"),
        pytest.param([{"ports": [HTTP, HBONE]}], [], id="everybody, both ports"),
        pytest.param([{"from": [FROM_OPS], "ports": [HTTP]}], [], id="callers outside the mesh"),
        pytest.param([{"from": [FROM_ELSEWHERE], "ports": [HTTP]}], [IN], id="callers not read"),
        pytest.param([{"from": [FROM_WEB], "ports": [{"port": 15090}]}], [], id="a sidecar's port"),
        pytest.param(
            [{"from": [FROM_WEB], "ports": [{"port": 8080, "protocol": "UDP"}]}], [], id="UDP"
        ),
        pytest.param(
            [{"from": [FROM_WEB], "ports": [HTTP]}, {"from": [FROM_WEB], "ports": [HBONE]}],
            [],
            id="two rules together",
        ),
        pytest.param(
            [
                {"from": [FROM_WEB], "ports": [HTTP]},
                {"from": [{"namespaceSelector": {}}], "ports": [HBONE]},
            ],
            [],
            id="HBONE from all pods",
        ),
        pytest.param(
            [{"from": [FROM_WEB], "ports": [HTTP]}, {"from": [FROM_OPS], "ports": [HBONE]}],
            [IN],
            id="HBONE from others",
        ),
        pytest.param(
            [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [HTTP]}],
            [IN],
            id="addresses that pods may have",
        ),
        pytest.param(
            [{"from": [{"ipBlock": {"cidr": "198.51.100.0/24"}}], "ports": [HTTP]}],
            [],
            id="addresses outside",
        ),
    ],
)
def test_ingress(rules: list[dict[str, Any]], expected: list[Any]) -> None:
    assert found(ingress(*rules)) == expected


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        pytest.param(
            [{"to": [{"podSelector": {"matchLabels": {"app": "cart"}}}], "ports": [HTTP]}],
            [OUT],
            id="to a server of the mesh",
        ),
        pytest.param([{"ports": [HTTP]}], [OUT], id="to everybody, on a server's port"),
        pytest.param([{"ports": [{"port": 443}]}], [], id="a port that no server has"),
        pytest.param([{"ports": [DNS]}], [], id="DNS"),
        pytest.param([{"to": [FROM_OPS], "ports": [{"port": 9090}]}], [], id="outside the mesh"),
        pytest.param([{"ports": [HTTP]}, {"ports": [HBONE]}], [], id="HBONE to everybody"),
    ],
)
def test_egress(rules: list[dict[str, Any]], expected: list[Any]) -> None:
    assert found(egress(*rules)) == expected


def test_policies_of_one_pod_add_up() -> None:
    by_port = ingress({"from": [FROM_WEB], "ports": [HTTP]})

    assert found(by_port, ingress({"from": [FROM_WEB], "ports": [HBONE]})) == []
    assert found(by_port, ingress({"from": [FROM_WEB], "ports": [HBONE]}, app="web")) == [IN]


def test_a_policy_of_pods_outside_the_mesh_has_no_gap() -> None:
    policy = one(
        kinds.NETWORK_POLICY,
        "monitoring",
        "prometheus",
        {"spec": {"ingress": [{"ports": [{"port": 9090}]}]}},
    )

    assert gaps(Mesh(Snapshot([*SHOP, policy]))) == ()
