"""Additive NetworkPolicies: a further one only adds what is allowed, so nothing that passes stops.

In ambient every in-mesh connection arrives on TCP 15008 with the source pod's address (Istio docs,
ambient/usage/networkpolicy), and kubelet probes arrive from a link-local address
(cni/pkg/iptables/iptables.go: HOST_PROBE_SNAT_IP).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from migrator.istio import kinds
from migrator.istio import labels as names

from .manifest import manifest

HBONE_PORT = 15008
PROBE_SOURCES = ("169.254.7.127/32", "fd16:9254:7127:1337:ffff:ffff:ffff:ffff/128")
_HBONE = [{"protocol": "TCP", "port": HBONE_PORT}]
_WAYPOINT_PODS = {"podSelector": {"matchLabels": {names.GATEWAY_CLASS_NAME: names.WAYPOINT_CLASS}}}


def hbone_beside(policy: Mapping[str, Any], namespace: str, name: str) -> dict[str, Any]:
    """HBONE from the peers, and to the peers, that `policy` (a NetworkPolicy spec) already lets through.

    With it come the waypoint pods of the namespace and the kubelet's probe addresses.
    """
    spec: dict[str, Any] = {"podSelector": policy.get("podSelector") or {}, "policyTypes": []}
    if policy.get("ingress") or "Ingress" in (policy.get("policyTypes") or ["Ingress"]):
        spec["policyTypes"].append("Ingress")
        probes = [{"ipBlock": {"cidr": cidr}} for cidr in PROBE_SOURCES]
        spec["ingress"] = [
            *_with_hbone(policy.get("ingress") or (), "from"),
            {"from": probes},
        ]
    if policy.get("egress") or "Egress" in (policy.get("policyTypes") or ()):
        spec["policyTypes"].append("Egress")
        spec["egress"] = _with_hbone(policy.get("egress") or (), "to")
    return manifest(kinds.NETWORK_POLICY, namespace, name, spec=spec)


def for_waypoint(namespace: str, name: str, istiod_namespace: str) -> dict[str, Any]:
    """What waypoint pods need in a namespace with default-deny: HBONE in and out, istiod, DNS."""
    to_istiod = {
        "to": [
            {"namespaceSelector": {"matchLabels": {names.CANONICAL_NAMESPACE: istiod_namespace}}}
        ],
        "ports": [{"protocol": "TCP", "port": port} for port in (15012, 15010)],
    }
    dns = {"ports": [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]}
    spec = {
        "podSelector": _WAYPOINT_PODS["podSelector"],
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"ports": _HBONE}],
        "egress": [{"ports": _HBONE}, to_istiod, dns],
    }
    return manifest(kinds.NETWORK_POLICY, namespace, name, spec=spec)


def _with_hbone(rules: Sequence[Mapping[str, Any]], key: str) -> list[dict[str, Any]]:
    peers = [peer for rule in rules for peer in rule.get(key) or ()]
    if any(not rule.get(key) for rule in rules):
        return [{"ports": _HBONE}]  # one rule lets everybody through
    return [{key: [*peers, _WAYPOINT_PODS], "ports": _HBONE}]
