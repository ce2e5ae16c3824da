"""What Cilium's own policies isolate, and whether they let the kubelet's probes of ambient pods in.

Source: docs.cilium.io, Network Policy (a rule section, even an empty one, isolates the endpoints that it
selects) and Istio's platform prerequisites (probes come from 169.254.7.127).
"""

from ipaddress import ip_address, ip_network
from typing import Any

from migrator.istio.selectors import is_selector, selects
from migrator.istio.workloads import Workload
from migrator.istio.yamltext import dig
from migrator.model.resource import Resource

from .networkpolicy import PROBE_ADDRESSES

_PROBE = ip_address(PROBE_ADDRESSES[0])
_EVERYBODY = ("all", "world")


def selects_pods_of(policy: Resource, workload: Workload) -> bool:
    """Whether its `endpointSelector` takes the workload's pods; one without namespace reaches all."""
    selector = policy.spec.get("endpointSelector")
    inside = policy.namespace in {"", workload.namespace}
    return inside and is_selector(selector) and selects(selector, workload.labels)


def isolates_inbound(policy: Resource, workload: Workload) -> bool:
    return "ingress" in policy.spec and selects_pods_of(policy, workload)


def lets_probes_in(policy: Resource) -> bool:
    """Whether some rule of it admits 169.254.7.127, by address or by an entity that holds it."""
    return any(_admits(rule) for rule in _list(policy.spec.get("ingress")))


def _admits(rule: Any) -> bool:
    blocks = [dig(one, "cidr") for one in _list(dig(rule, "fromCIDRSet"))]
    blocks += _list(dig(rule, "fromCIDR"))
    entities = _list(dig(rule, "fromEntities"))
    return any(entity in entities for entity in _EVERYBODY) or any(map(_holds_probe, blocks))


def _list(found: Any) -> list[Any]:
    return found if isinstance(found, list) else []


def _holds_probe(block: Any) -> bool:
    try:
        return _PROBE in ip_network(str(block), strict=False)
    except ValueError:  # no address block; Cilium refuses it too
        return False
