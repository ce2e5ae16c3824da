"""AMB037, a Cilium that masquerades in eBPF."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.platform import cilium
from migrator.model.finding import Finding, Scope, Severity
from migrator.rules.base import Rule


class CiliumBpfMasquerade(Rule):
    """Cilium masquerades in eBPF, which the kubelet's probes do not survive in ambient.

    ## Why
    istio-cni gives probes the link-local source 169.254.7.127. Cilium's eBPF masquerading does not
    carry such addresses, so that probes of ambient pods fail and the pods are restarted.

    ## Fix
    Install Cilium with `bpf.masquerade=false`: it masquerades with iptables then.

    ## References
    - https://istio.io/latest/docs/ambient/install/platform-prerequisites/
    """

    code = "AMB037"
    severity = Severity.BLOCKER
    scope = Scope.CLUSTER
    inputs = frozenset({kinds.CONFIG_MAP})

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        found = cilium(mesh)
        if found and found[1].get("enable-bpf-masquerade") == "true":
            yield self.finding(
                found[0],
                'Cilium runs with enable-bpf-masquerade: "true": the kubelet\'s probes of ambient pods '
                "fail.",
                fix="Install Cilium with bpf.masquerade=false.",
                path="data.enable-bpf-masquerade",
            )
