"""Kubernetes NetworkPolicies: which pods they isolate, and what they let through.

The semantics are those of k8s.io/api/networking/v1/types.go: a pod that any policy selects for a
direction is isolated in it, and all rules of all these policies add up.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, NamedTuple

from migrator.istio import selectors
from migrator.model.resource import Resource

Peer = Mapping[str, Any]
_Network = IPv4Network | IPv6Network

HBONE_PORT = 15008
PROBE_ADDRESSES = ("169.254.7.127", "fd16:9254:7127:1337:ffff:ffff:ffff:ffff")
# DNS, what istiod serves, and what a sidecar serves beside the application.
_PLATFORM_PORTS = frozenset({53, 15010, 15012, 15014, 15017, 15020, 15021, 15090})
# Blocks that hold pods in most clusters; a narrower one says nothing about pods.
_PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")


class Direction(StrEnum):
    """As `policyTypes` means it; the value is the key of the rules in a policy's spec."""

    INGRESS = "ingress"
    EGRESS = "egress"


class Pod(NamedTuple):
    """What policies look at in a pod."""

    namespace: str
    namespace_labels: Mapping[str, str]
    labels: Mapping[str, str]


class PolicyRule(NamedTuple):
    """One ingress or egress rule. Empty `peers` are everybody, empty `ports` are all ports."""

    policy: Resource
    direction: Direction
    peers: tuple[Peer, ...]
    ports: tuple[Mapping[str, Any], ...]

    def allows(self, port: int) -> bool:
        """Whether the rule lets a TCP port through; a port given by name is some other one."""
        return not self.ports or any(_allows(entry, port) for entry in self.ports)

    @property
    def application_ports(self) -> tuple[int | str, ...]:
        """The TCP ports that the rule names, without those of DNS, istiod and sidecars."""
        tcp = (e for e in self.ports if e.get("protocol", "TCP") == "TCP" and "port" in e)
        return tuple(e["port"] for e in tcp if e["port"] not in _PLATFORM_PORTS | {HBONE_PORT})


def by_namespace(policies: Iterable[Resource]) -> Mapping[str, tuple[Resource, ...]]:
    """Policies by the only namespace whose pods they can select."""
    found: dict[str, tuple[Resource, ...]] = {}
    for policy in policies:
        found[policy.namespace] = (*found.get(policy.namespace, ()), policy)
    return found


def isolates(policy: Resource, direction: Direction) -> bool:
    """`policyTypes`; without it ingress always, and egress when there are egress rules."""
    types = policy.spec.get("policyTypes")
    if types:
        return direction.value.capitalize() in types
    return direction is Direction.INGRESS or bool(policy.spec.get("egress"))


def isolating(policies: Iterable[Resource], direction: Direction, pod: Pod) -> tuple[Resource, ...]:
    """Find the policies that isolate `pod`; none means that everything passes."""
    return tuple(
        policy
        for policy in policies
        if policy.namespace == pod.namespace
        and isolates(policy, direction)
        and selectors.selects(policy.spec.get("podSelector"), pod.labels)
    )


def rules(policies: Iterable[Resource], direction: Direction) -> tuple[PolicyRule, ...]:
    """Every rule of `policies` in one direction."""
    key = "from" if direction is Direction.INGRESS else "to"
    return tuple(
        PolicyRule(policy, direction, tuple(rule.get(key) or ()), tuple(rule.get("ports") or ()))
        for policy in policies
        for rule in policy.spec.get(direction.value) or ()
    )


def is_member(peer: Peer, namespace: str, pod: Pod) -> bool:
    """Whether `pod` is one of `peer`'s pods, for a policy of `namespace`; an ipBlock has none."""
    if "ipBlock" in peer:
        return False
    if "namespaceSelector" not in peer:
        if pod.namespace != namespace:
            return False
    elif not selectors.selects(peer["namespaceSelector"], pod.namespace_labels):
        return False
    return selectors.selects(peer.get("podSelector"), pod.labels)


def covers(wide: Peer, narrow: Peer) -> bool:
    """Whether `wide` names at least what `narrow` names, as far as the texts show it."""
    if wide == narrow or is_everybody(wide):
        return True
    if "ipBlock" in wide or "ipBlock" in narrow or wide.get("podSelector"):
        return False
    if "namespaceSelector" in wide:
        same = wide["namespaceSelector"] == narrow.get("namespaceSelector")
        return same or not wide["namespaceSelector"]
    return "namespaceSelector" not in narrow


def is_everybody(peer: Peer) -> bool:
    """All pods of all namespaces, or all addresses."""
    if "ipBlock" in peer:
        cidr, without = _block(peer)
        return cidr is not None and cidr.prefixlen == 0 and not without
    return peer.get("namespaceSelector") == {} and not peer.get("podSelector")


def may_hold_pods(peer: Peer) -> bool:
    """Whether an ipBlock spans one of the private ranges that clusters take pod addresses from."""
    cidr, without = _block(peer)
    return any(
        _within(private, cidr) and not any(_within(private, other) for other in without)
        for private in map(ip_network, _PRIVATE)
    )


def admits_probes(rule: PolicyRule, port: int | None) -> bool:
    """Whether the address that istio-cni gives to the kubelet's probes passes (IPv4 is enough)."""
    if port is not None and not rule.allows(port):
        return False
    return not rule.peers or any(_holds(peer, PROBE_ADDRESSES[0]) for peer in rule.peers)


def describe(peer: Peer) -> str:
    """Put a peer into words, for messages."""
    if "ipBlock" in peer:
        return str(peer["ipBlock"].get("cidr"))
    pods = _selector(peer.get("podSelector"))
    text = f"pods with {pods}" if pods else "every pod"
    if "namespaceSelector" not in peer:
        return f"{text} of the namespace"
    namespaces = _selector(peer["namespaceSelector"])
    return f"{text} of namespaces with {namespaces}" if namespaces else f"{text} of any namespace"


def _selector(selector: Mapping[str, Any] | None) -> str:
    terms = [f"{k}={v}" for k, v in ((selector or {}).get("matchLabels") or {}).items()]
    for term in (selector or {}).get("matchExpressions") or ():
        values = ", ".join(term.get("values") or ())
        terms.append(" ".join(filter(None, (term.get("key"), term.get("operator"), values))))
    return " and ".join(terms)


def _allows(entry: Mapping[str, Any], port: int) -> bool:
    if entry.get("protocol", "TCP") != "TCP":
        return False
    first = entry.get("port")
    if first is None or first == port:
        return True
    return isinstance(first, int) and first <= port <= entry.get("endPort", first)


def _holds(peer: Peer, address: str) -> bool:
    cidr, without = _block(peer)
    host = ip_network(address)
    return _within(host, cidr) and not any(_within(host, other) for other in without)


def _block(peer: Peer) -> tuple[_Network | None, list[_Network]]:
    """Parse an ipBlock and its exceptions; what is no CIDR, the API server refuses too."""
    block = peer.get("ipBlock") or {}
    without = [_network(text) for text in block.get("except") or ()]
    return _network(block.get("cidr", "")), [cidr for cidr in without if cidr]


def _network(text: str) -> _Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _within(inner: _Network, outer: _Network | None) -> bool:
    if isinstance(inner, IPv4Network):
        return isinstance(outer, IPv4Network) and inner.subnet_of(outer)
    return isinstance(outer, IPv6Network) and inner.subnet_of(outer)
