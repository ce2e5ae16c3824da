"""AMB328, traffic that is kept out of the sidecar by annotation."""

from collections.abc import Iterator

from migrator.istio import kinds, labels
from migrator.istio.mesh import Mesh
from migrator.istio.pods.exclusions import Exclusion, exclusions
from migrator.istio.workloads import Workload
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class TrafficExclusionAnnotation(Rule):
    """An annotation keeps ports, addresses or interfaces out of the sidecar; ztunnel does not read it.

    ## Why
    In ambient all TCP of a pod is captured. A port that plain-text callers reached past the sidecar is
    under PeerAuthentication from then on: under STRICT they are refused, hence a blocker there.
    What was excluded on the way out goes through ztunnel.

    ## Fix
    Inbound: a PeerAuthentication for the workload with `portLevelMtls: PERMISSIVE` for the port; where
    everything was kept out, the annotation `ambient.istio.io/bypass-inbound-capture: "true"`.
    Outbound: verify the destinations, or keep the workload out of ambient.

    ## References
    - istio/istio cni/pkg/iptables/iptables.go (`AppendInpodRules` knows none of these annotations)
    - istio/api annotation/annotations.gen.go; istio/istio releasenotes/notes/58577.yaml
    """

    code = "AMB328"
    severity = Severity.WARNING
    inputs = kinds.INJECTION | {kinds.PEER_AUTHENTICATION}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for workload in mesh.meshed:
            for exclusion in exclusions(workload):
                if exclusion.inbound:
                    yield from self._inbound(mesh, workload, exclusion)
                else:
                    yield self._found(workload, exclusion, "the traffic goes through ztunnel")

    def _inbound(self, mesh: Mesh, workload: Workload, exclusion: Exclusion) -> Iterator[Finding]:
        if workload.annotations.get(labels.BYPASS_INBOUND) == "true" and not exclusion.ports:
            return
        mtls = mesh.mtls(workload)
        strict = [port for port in exclusion.ports if mtls.at(port) == "STRICT"]
        if strict or (not exclusion.ports and mtls.strict):
            which = f"port {', '.join(map(str, strict))}" if strict else "every port"
            then = f"{which} is under STRICT, and callers without mTLS are refused"
            yield self._found(workload, exclusion, then, Severity.BLOCKER)
        else:
            yield self._found(
                workload, exclusion, "the traffic is captured, and policies act on it"
            )

    def _found(
        self, workload: Workload, exclusion: Exclusion, then: str, severity: Severity | None = None
    ) -> Finding:
        name = exclusion.annotation
        return self.finding(
            workload.resource,
            f'`{name}: "{exclusion.value}"` on {workload.ref} has no effect in ambient: {then}.',
            fix="Add a PeerAuthentication with portLevelMtls PERMISSIVE for the ports that plain-text "
            "callers need, then remove the annotation."
            if exclusion.inbound
            else "Verify that the destinations work through ztunnel, then remove the annotation.",
            path=workload.path("metadata", "annotations", name),
            severity=severity,
            affects=[workload],
            callers=["outside"] if exclusion.inbound else [],
        )
