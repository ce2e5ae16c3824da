"""Network plugins that hold even the node's own traffic against policies.

Istio's documentation (ambient/install/platform-prerequisites) names Cilium and Calico with eBPF: they
do not take istio-cni's probe address for the node's.
"""

from enum import StrEnum
from typing import TYPE_CHECKING

from migrator.istio import kinds
from migrator.model.resource import Resource

from .networkpolicy import PROBE_ADDRESSES

if TYPE_CHECKING:
    from migrator.istio.mesh import Mesh

_CILIUM_AGENTS = frozenset({"cilium", "anetd"})  # anetd: GKE's Dataplane V2


class Firewall(StrEnum):
    """What the source shows of the network plugin."""

    CILIUM = "Cilium"
    CALICO_EBPF = "Calico's eBPF data plane"
    ADMITS_PROBES = "lets the probe address in"
    UNKNOWN = "not seen"


def filters_host_traffic(mesh: "Mesh") -> Firewall:
    """Which plugin is seen that would refuse the probe address, or that it was told to let it in."""
    cluster_wide = mesh.of(kinds.CILIUM_CLUSTERWIDE_NETWORK_POLICY)
    agents = (d for d in mesh.of(kinds.DAEMON_SET) if d.name in _CILIUM_AGENTS)
    if cluster_wide or mesh.of(kinds.CILIUM_NETWORK_POLICY) or any(agents):
        admitted = any(map(_lets_probes_in, cluster_wide))
        return Firewall.ADMITS_PROBES if admitted else Firewall.CILIUM
    felix = any(f.spec.get("bpfEnabled") for f in mesh.of(kinds.FELIX_CONFIGURATION))
    return Firewall.CALICO_EBPF if felix or _installed_with_ebpf(mesh) else Firewall.UNKNOWN


def _installed_with_ebpf(mesh: "Mesh") -> bool:
    return any(
        (i.spec.get("calicoNetwork") or {}).get("linuxDataplane") == "BPF"
        for i in mesh.of(kinds.CALICO_INSTALLATION)
    )


def _lets_probes_in(policy: Resource) -> bool:
    """Whether a cluster-wide policy lets the address in to every pod."""
    cidr = f"{PROBE_ADDRESSES[0]}/32"
    return not policy.spec.get("endpointSelector") and any(
        cidr in (rule.get("fromCIDR") or ())
        or any(block.get("cidr") == cidr for block in rule.get("fromCIDRSet") or ())
        for rule in policy.spec.get("ingress") or ()
    )
