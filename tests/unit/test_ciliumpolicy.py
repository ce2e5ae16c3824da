"""Cilium's own policies, as far as the kubelet's probes are concerned."""

from typing import Any

import pytest

from migrator.istio.network.ciliumpolicy import isolates_inbound, lets_probes_in, selects_pods_of
from migrator.istio.workloads import Workload, collect
from migrator.model.snapshot import Snapshot

from .manifests import deployment, resource


def policy(spec: dict[str, Any], namespace: str = "shop") -> Any:
    meta = {"name": "one", "namespace": namespace} if namespace else {"name": "one"}
    kind = "CiliumNetworkPolicy" if namespace else "CiliumClusterwideNetworkPolicy"
    return resource({"apiVersion": "cilium.io/v2", "kind": kind, "metadata": meta, "spec": spec})


def cart() -> Workload:
    (found,) = collect(Snapshot([deployment()]))
    return found


@pytest.mark.parametrize(
    ("rule", "admitted"),
    [
        ({"fromCIDR": ["169.254.7.127/32"]}, True),
        ({"fromCIDR": ["169.254.0.0/16"]}, True),
        ({"fromCIDR": ["10.0.0.0/8", "fd16:9254:7127:1337::/64", "nonsense"]}, False),
        ({"fromCIDRSet": [{"cidr": "0.0.0.0/0"}]}, True),
        ({"fromEntities": ["world"]}, True),
        ({"fromEntities": ["host", "cluster"]}, False),
        ({"fromEndpoints": [{}]}, False),
        ({"fromCIDR": True, "fromCIDRSet": ["10.0.0.0/8"], "fromEntities": "world"}, False),
        ("no rule", False),
    ],
)
def test_which_rules_let_probes_in(rule: Any, *, admitted: bool) -> None:
    assert lets_probes_in(policy({"ingress": [{}, rule]})) is admitted


@pytest.mark.parametrize(
    ("spec", "namespace", "isolated"),
    [
        ({"endpointSelector": {}, "ingress": []}, "shop", True),
        ({"endpointSelector": {"matchLabels": {"app": "cart"}}, "ingress": [{}]}, "shop", True),
        ({"endpointSelector": {"matchLabels": {"app": "web"}}, "ingress": [{}]}, "shop", False),
        ({"endpointSelector": {}, "ingress": [{}]}, "bank", False),
        ({"endpointSelector": {}, "ingress": [{}]}, "", True),
        ({"endpointSelector": {}, "egress": [{}]}, "shop", False),
        ({"endpointSelector": "all", "ingress": [{}]}, "shop", False),
        ({"nodeSelector": {}, "ingress": [{}]}, "", False),
    ],
)
def test_whom_a_policy_isolates(spec: dict[str, Any], namespace: str, *, isolated: bool) -> None:
    assert isolates_inbound(policy(spec, namespace), cart()) is isolated


def test_a_policy_for_egress_selects_too() -> None:
    assert selects_pods_of(policy({"endpointSelector": {}, "egress": [{}]}), cart())
