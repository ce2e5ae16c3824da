"""NetworkPolicies: isolation, peers, ports, addresses."""

from typing import Any

import pytest

from migrator.istio.network.networkpolicy import (
    Direction,
    Peer,
    Pod,
    PolicyRule,
    admits_probes,
    covers,
    describe,
    is_everybody,
    is_member,
    isolating,
    may_hold_pods,
    rules,
)
from migrator.model.resource import Ref, Resource

CART = Pod("shop", {"kubernetes.io/metadata.name": "shop", "team": "sales"}, {"app": "cart"})


def policy(spec: dict[str, Any], namespace: str = "shop") -> Resource:
    return Resource(Ref("networking.k8s.io", "NetworkPolicy", namespace, "p"), {"spec": spec})


def rule(
    ports: list[dict[str, Any]], peers: list[Peer] | None = None, direction: str = "ingress"
) -> PolicyRule:
    return PolicyRule(policy({}), Direction(direction), tuple(peers or ()), tuple(ports))


def pods(**labels: str) -> dict[str, Any]:
    return {"matchLabels": labels}


@pytest.mark.parametrize(
    ("spec", "directions"),
    [
        pytest.param({}, ["ingress"], id="nothing said: ingress of every pod"),
        pytest.param({"egress": [{}]}, ["ingress", "egress"], id="egress rules imply egress"),
        pytest.param({"policyTypes": ["Egress"]}, ["egress"], id="types win"),
        pytest.param(
            {"policyTypes": ["Ingress"], "egress": [{}]}, ["ingress"], id="types win over rules"
        ),
        pytest.param({"podSelector": pods(app="cart")}, ["ingress"], id="selected"),
        pytest.param({"podSelector": pods(app="web")}, [], id="not selected"),
    ],
)
def test_isolates(spec: dict[str, Any], directions: list[str]) -> None:
    assert [d.value for d in Direction if isolating([policy(spec)], d, CART)] == directions


def test_a_policy_isolates_only_its_own_namespace() -> None:
    assert isolating([policy({}, namespace="web")], Direction.INGRESS, CART) == ()


def test_rules_of_one_direction() -> None:
    spec = {"ingress": [{"from": [{"podSelector": {}}]}, {}], "egress": [{"to": []}]}

    assert [(r.direction, len(r.peers)) for r in rules([policy(spec)], Direction.INGRESS)] == [
        ("ingress", 1),
        ("ingress", 0),
    ]
    assert len(rules([policy(spec)], Direction.EGRESS)) == 1


@pytest.mark.parametrize(
    ("ports", "allowed"),
    [
        pytest.param([], True, id="no ports are all ports"),
        pytest.param([{"port": 15008}], True, id="TCP is the default"),
        pytest.param([{"port": 15008, "protocol": "UDP"}], False, id="UDP"),
        pytest.param([{"protocol": "TCP"}], True, id="all of TCP"),
        pytest.param([{"port": 15000, "endPort": 15010}], True, id="inside a range"),
        pytest.param([{"port": 8000, "endPort": 9000}], False, id="outside a range"),
        pytest.param([{"port": "http"}], False, id="a name"),
        pytest.param([{"port": 8080}, {"port": 15008}], True, id="one of two"),
    ],
)
def test_allows_hbone(ports: list[dict[str, Any]], allowed: bool) -> None:  # noqa: FBT001
    assert rule(ports).allows(15008) is allowed


def test_application_ports_are_tcp_and_not_the_platforms() -> None:
    ports = [
        {"port": 8080},
        {"port": "grpc", "protocol": "TCP"},
        {"port": 53},
        {"port": 5353, "protocol": "UDP"},
        {"port": 15090},
        {"port": 15008},
    ]

    assert rule(ports).application_ports == (8080, "grpc")


@pytest.mark.parametrize(
    ("peer", "member"),
    [
        pytest.param({"podSelector": {}}, True, id="every pod of the namespace"),
        pytest.param({"podSelector": pods(app="cart")}, True, id="by label"),
        pytest.param({"podSelector": pods(app="web")}, False, id="another label"),
        pytest.param({"namespaceSelector": {}}, True, id="any namespace"),
        pytest.param({"namespaceSelector": pods(team="sales")}, True, id="by namespace label"),
        pytest.param({"namespaceSelector": pods(team="ops")}, False, id="another namespace"),
        pytest.param(
            {"namespaceSelector": pods(team="sales"), "podSelector": pods(app="web")},
            False,
            id="both must hold",
        ),
        pytest.param({"ipBlock": {"cidr": "0.0.0.0/0"}}, False, id="addresses have no pods"),
    ],
)
def test_membership(peer: Peer, member: bool) -> None:  # noqa: FBT001
    assert is_member(peer, "shop", CART) is member


def test_a_pod_selector_alone_stays_in_the_policys_namespace() -> None:
    assert not is_member({"podSelector": {}}, "web", CART)


@pytest.mark.parametrize(
    ("wide", "narrow", "covered"),
    [
        ({"namespaceSelector": {}}, {"podSelector": pods(app="web")}, True),
        ({"ipBlock": {"cidr": "0.0.0.0/0"}}, {"podSelector": pods(app="web")}, True),
        ({"podSelector": {}}, {"podSelector": pods(app="web")}, True),
        ({"podSelector": pods(app="web")}, {"podSelector": pods(app="web")}, True),
        ({"podSelector": pods(app="web")}, {"podSelector": {}}, False),
        ({"podSelector": {}}, {"namespaceSelector": pods(team="ops")}, False),
        (
            {"namespaceSelector": pods(team="ops")},
            {"namespaceSelector": pods(team="ops"), "podSelector": pods(app="web")},
            True,
        ),
        ({"namespaceSelector": pods(team="ops")}, {"podSelector": {}}, False),
        ({"podSelector": {}}, {"ipBlock": {"cidr": "10.0.0.0/8"}}, False),
    ],
)
def test_covers(wide: Peer, narrow: Peer, covered: bool) -> None:  # noqa: FBT001
    assert covers(wide, narrow) is covered


@pytest.mark.parametrize(
    ("block", "everybody", "pods_possible"),
    [
        ({"cidr": "0.0.0.0/0"}, True, True),
        ({"cidr": "0.0.0.0/0", "except": ["169.254.169.254/32"]}, False, True),
        (
            {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]},
            False,
            False,
        ),
        ({"cidr": "10.0.0.0/8"}, False, True),
        ({"cidr": "10.20.0.0/16"}, False, False),
        ({"cidr": "198.51.100.0/24"}, False, False),
        ({"cidr": "::/0", "except": ["fc00::/7"]}, False, False),
        ({"cidr": "office"}, False, False),
    ],
)
def test_blocks(block: dict[str, Any], everybody: bool, pods_possible: bool) -> None:  # noqa: FBT001
    peer = {"ipBlock": block}

    assert (is_everybody(peer), may_hold_pods(peer)) == (everybody, pods_possible)


@pytest.mark.parametrize(
    ("ports", "peers", "port", "admitted"),
    [
        pytest.param([], [], 8080, True, id="everything"),
        pytest.param([], [{"ipBlock": {"cidr": "169.254.7.127/32"}}], 8080, True, id="the address"),
        pytest.param(
            [{"port": 8080}], [{"ipBlock": {"cidr": "169.254.7.127/32"}}], 9090, False, id="port"
        ),
        pytest.param([{"port": 8080}], [{"ipBlock": {"cidr": "0.0.0.0/0"}}], 8080, True, id="any"),
        pytest.param(
            [],
            [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}}],
            8080,
            False,
            id="excepted",
        ),
        pytest.param([], [{"namespaceSelector": {}}], 8080, False, id="pods are not the kubelet"),
        pytest.param([], [{"ipBlock": {"cidr": "10.0.0.0/8"}}], 8080, False, id="the nodes"),
        pytest.param([{"port": 8080}], [], None, True, id="a port that is not known"),
    ],
)
def test_admits_probes(
    ports: list[dict[str, Any]],
    peers: list[Peer],
    port: int | None,
    admitted: bool,  # noqa: FBT001
) -> None:
    assert admits_probes(rule(ports, peers), port) is admitted


@pytest.mark.parametrize(
    ("peer", "text"),
    [
        ({"ipBlock": {"cidr": "10.0.0.0/8"}}, "10.0.0.0/8"),
        ({"podSelector": {}}, "every pod of the namespace"),
        ({"podSelector": pods(app="web")}, "pods with app=web of the namespace"),
        ({"namespaceSelector": {}}, "every pod of any namespace"),
        (
            {"namespaceSelector": pods(team="ops"), "podSelector": pods(app="web")},
            "pods with app=web of namespaces with team=ops",
        ),
        (
            {
                "namespaceSelector": {
                    "matchExpressions": [{"key": "team", "operator": "In", "values": ["a", "b"]}]
                }
            },
            "every pod of namespaces with team In a, b",
        ),
    ],
)
def test_peers_in_words(peer: Peer, text: str) -> None:
    assert describe(peer) == text
