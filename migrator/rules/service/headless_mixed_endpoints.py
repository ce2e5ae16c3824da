"""AMB607, endpoints of two kinds behind one headless Service."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class HeadlessMixedEndpoints(Rule):
    """A headless Service's pods require mTLS: callers with a sidecar lose it as soon as one is ambient.

    ## Why
    For a headless Service a sidecar keeps one cluster for all endpoints and infers mutual TLS for all of
    them or none. One endpoint without `security.istio.io/tlsMode: istio` turns it off for every
    endpoint: calls go out in plaintext, which STRICT refuses. Peers of a StatefulSet meet this halfway
    through their own rollout.

    ## Fix
    Move every caller first. Where the pods call each other there is no such order: take a maintenance
    window, or a PERMISSIVE PeerAuthentication for these pods while they roll.

    ## References
    - istio/istio pilot/pkg/model/push_context.go (`BestEffortInferServiceMTLSMode`)
    - istio/istio pilot/pkg/networking/core/cluster_tls.go
    """

    code = "AMB607"
    severity = Severity.BLOCKER
    inputs = kinds.INJECTION | {kinds.SERVICE, kinds.PEER_AUTHENTICATION}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for service in mesh.services.all:
            if not service.headless:
                continue
            strict = [
                w
                for w in mesh.services.workloads(service)
                if mesh.has_sidecar(w) and mesh.mtls(w).strict
            ]
            if strict:
                yield self.finding(
                    service.resource,
                    "It has no cluster IP, and its pods are under STRICT mTLS. As soon as one of "
                    "them is ambient, callers with a sidecar send plaintext to all of them, which "
                    "is refused.",
                    fix="Move its callers first; if its pods call each other, plan a window or a "
                    "PERMISSIVE PeerAuthentication for them while they roll, then acknowledge "
                    "this.",
                    path="spec.clusterIP",
                    affects=strict,
                    callers=["sidecar"],
                )
