"""AMB356, a NetworkPolicy that does not know the address of the kubelet's probes."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.network.host_firewall import Firewall, filters_host_traffic
from migrator.istio.pods.probe_admission import refused_probes
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule


class NetworkPolicyBlocksProbes(Rule):
    """NetworkPolicies isolate pods that the kubelet probes, and do not let its new address in.

    ## Why
    istio-cni gives probes of ambient pods the source 169.254.7.127. Most network plugins let the node
    through whatever policies say. Cilium and Calico's eBPF data plane do not know the address, refuse
    it, and the pods never become ready; hence a blocker where one of them is seen.

    ## Fix
    `migrate plan` adds 169.254.7.127/32 (and its IPv6 twin) to the NetworkPolicy that it generates.
    Cilium needs the same in a CiliumClusterwideNetworkPolicy.

    ## References
    - istio/istio cni/pkg/iptables/iptables.go (`HostProbeSNATAddress`)
    - https://istio.io/latest/docs/ambient/install/platform-prerequisites/
    """

    code = "AMB356"
    severity = Severity.WARNING
    remedy = Remedy.AUTOMATIC
    inputs = kinds.MESHED | {
        kinds.NETWORK_POLICY, kinds.CILIUM_NETWORK_POLICY, kinds.CILIUM_CLUSTERWIDE_NETWORK_POLICY,
        kinds.FELIX_CONFIGURATION, kinds.CALICO_INSTALLATION,
    }  # fmt: skip

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        firewall = filters_host_traffic(mesh)
        if firewall is Firewall.ADMITS_PROBES:
            return
        strict = firewall is not Firewall.UNKNOWN
        for refused in refused_probes(mesh):
            kinds_seen = ", ".join(sorted({probe.kind for probe in refused.probes}))
            yield self.finding(
                refused.policy,
                f"{refused.policy.ref} isolates pods with {kinds_seen} probes and does not let "
                "169.254.7.127 in, from where the kubelet's probes come in ambient"
                + (f": {firewall.value} refuses them." if strict else "."),
                fix="Let 169.254.7.127/32 and fd16:9254:7127:1337:ffff:ffff:ffff:ffff/128 in.",
                severity=Severity.BLOCKER if strict else Severity.WARNING,
                affects=refused.workloads,
                callers=["kubelet"],
            )
