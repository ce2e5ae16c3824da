"""AMB320, a pod on the node's network."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.workloads import Role
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule


class HostNetworkPod(Rule):
    """A workload in a namespace of the mesh uses the node's network, which no data plane mode captures.

    ## Why
    It had no sidecar, and istio-cni never enrols it. Its calls and the calls to it stay plain text, so
    that STRICT servers refuse it, and STRICT does not protect it.

    ## Fix
    Nothing for the migration. Where mTLS is expected, take the workload off the host's network.

    ## References
    - istio/istio pkg/kube/inject/inject.go (`injectRequired`), cni/pkg/util/podutil.go
    - istio/istio releasenotes/notes/61168.yaml
    """

    code = "AMB320"
    severity = Severity.INFO
    remedy = Remedy.NONE
    inputs = kinds.INJECTION | {kinds.PEER_AUTHENTICATION}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for workload in mesh.workloads:
            if not workload.host_network or workload.role is not Role.APP:
                continue
            if not mesh.meshed_in(workload.namespace):
                continue
            strict = mesh.mtls(workload).strict
            then = "PeerAuthentication STRICT does not act on it" if strict else "as it does today"
            yield self.finding(
                workload.resource,
                f"{workload.ref} uses the node's network and stays outside the mesh; {then}.",
                fix="Take it off the host's network where mTLS is expected."
                if strict
                else "Nothing to do.",
                path=workload.path("spec", "hostNetwork"),
                severity=Severity.WARNING if strict else Severity.INFO,
                remedy=Remedy.MANUAL if strict else Remedy.NONE,
                affects=[workload],
            )
