"""AMB330, pods with nameservers of their own."""

from collections.abc import Iterator

from migrator.istio import kinds, labels
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.dns_capture import why_captured
from migrator.istio.workloads import Workload
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule


class CustomPodDns(Rule):
    """A pod template names its own DNS servers, which ambient's DNS capture bypasses.

    ## Why
    Every DNS query of an ambient pod is redirected to ztunnel, which forwards by its own
    `/etc/resolv.conf`. Names that only the pod's nameservers know no longer resolve.

    ## Fix
    `migrate plan` adds the annotation `ambient.istio.io/dns-capture: "false"` to the template. Hosts of
    ServiceEntries without addresses are then not resolved by the mesh for this workload.

    ## References
    - istio/ztunnel src/dns/server.rs; istio/istio cni/pkg/iptables/iptables.go (`redirectDNS`)
    - istio/istio manifests/charts/istio-cni/values.yaml (`ambient.dnsCapture`, on since 1.25)
    """

    code = "AMB330"
    severity = Severity.BLOCKER
    remedy = Remedy.AUTOMATIC
    inputs = kinds.MESHED

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        captured = why_captured(mesh)
        if not captured:
            return
        for workload in mesh.meshed:
            if workload.annotations.get(labels.DNS_CAPTURE) == "false":
                continue
            for key, shown in _own_dns(workload):
                yield self.finding(
                    workload.resource,
                    f"{workload.ref} has {shown}; in ambient its queries go to ztunnel, which asks "
                    f"the cluster's DNS instead ({captured}): private names fail to resolve.",
                    fix='Annotate the template with ambient.istio.io/dns-capture: "false".',
                    path=workload.path("spec", *key),
                    affects=[workload],
                )


def _own_dns(workload: Workload) -> Iterator[tuple[tuple[str, ...], str]]:
    """Where the template leaves the cluster's DNS; one finding a workload is enough."""
    nameservers = (workload.pod_spec.get("dnsConfig") or {}).get("nameservers") or ()
    policy = workload.pod_spec.get("dnsPolicy", "ClusterFirst")
    if nameservers:
        yield ("dnsConfig", "nameservers"), f"the nameservers {', '.join(nameservers)}"
    elif policy == "Default":
        yield ("dnsPolicy",), "dnsPolicy `Default` (the node's nameservers)"
