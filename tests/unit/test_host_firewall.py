"""Which network plugins are seen that would refuse the kubelet's probes."""

from typing import Any

import pytest

from migrator.istio import kinds
from migrator.istio.network.host_firewall import Firewall, filters_host_traffic
from migrator.model.resource import GroupKind, Ref, Resource
from migrator.model.snapshot import Snapshot


def one(kind: GroupKind, spec: dict[str, Any], name: str = "default") -> Resource:
    return Resource(Ref(kind.group, kind.kind, "", name), {"spec": spec})


def exemption(cidr: str, **spec: Any) -> Resource:
    spec = {"ingress": [{"fromCIDR": [cidr]}], **spec}
    return one(kinds.CILIUM_CLUSTERWIDE_NETWORK_POLICY, spec)


@pytest.mark.parametrize(
    ("resources", "seen"),
    [
        pytest.param([], Firewall.UNKNOWN, id="nothing"),
        pytest.param([one(kinds.DAEMON_SET, {}, "cilium")], Firewall.CILIUM, id="agent"),
        pytest.param([one(kinds.DAEMON_SET, {}, "calico-node")], Firewall.UNKNOWN, id="Calico"),
        pytest.param([one(kinds.CILIUM_NETWORK_POLICY, {})], Firewall.CILIUM, id="a policy"),
        pytest.param(
            [one(kinds.DAEMON_SET, {}, "anetd"), exemption("169.254.7.127/32")],
            Firewall.ADMITS_PROBES,
            id="exempted",
        ),
        pytest.param(
            [exemption("169.254.7.127/32", endpointSelector={"matchLabels": {"app": "a"}})],
            Firewall.CILIUM,
            id="exempted for some pods",
        ),
        pytest.param([exemption("10.0.0.0/8")], Firewall.CILIUM, id="another address"),
        pytest.param(
            [one(kinds.FELIX_CONFIGURATION, {"bpfEnabled": True})],
            Firewall.CALICO_EBPF,
            id="Felix with eBPF",
        ),
        pytest.param(
            [one(kinds.FELIX_CONFIGURATION, {"bpfEnabled": False})],
            Firewall.UNKNOWN,
            id="Felix without",
        ),
        pytest.param(
            [one(kinds.CALICO_INSTALLATION, {"calicoNetwork": {"linuxDataplane": "BPF"}})],
            Firewall.CALICO_EBPF,
            id="the operator's installation",
        ),
    ],
)
def test_what_is_seen(resources: list[Resource], seen: Firewall) -> None:
    assert filters_host_traffic(Snapshot(resources)) is seen
