"""AMB607, endpoints of two kinds behind one headless Service."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class HeadlessMixedEndpoints(Rule):
    """Callers with a sidecar reach a headless Service no more as soon as one of its pods is ambient.

    ## Why
    For a headless Service a sidecar keeps one cluster for all endpoints and infers mutual TLS for all of
    them or none. One endpoint without `security.istio.io/tlsMode: istio` turns it off for every
    endpoint: calls go out in plaintext, which STRICT refuses. Peers of a StatefulSet meet this halfway
    through their own rollout.

    Where all ports are HTTP, sidecars that run already are not even told: istiod pushes new endpoints of
    such a Service to nobody (seen on istiod 1.31.0). They go on sending mutual TLS, which ambient pods do
    not take, under PERMISSIVE too, until they restart or the Service itself changes.

    ## Fix
    Move every caller first, or restart them afterwards. Where the pods call each other there is no such
    order: take a maintenance window, or a PERMISSIVE PeerAuthentication for these pods while they roll.

    ## References
    - istio/istio pilot/pkg/model/push_context.go (`BestEffortInferServiceMTLSMode`)
    - istio/istio pilot/pkg/networking/core/cluster_tls.go
    - istio/istio pilot/pkg/serviceregistry/kube/controller/endpointslice.go (`onEventInternal`)
    - istio/istio pilot/pkg/xds/cds.go (`cdsNeedsPush`)
    """

    code = "AMB607"
    severity = Severity.BLOCKER
    inputs = kinds.INJECTION | {kinds.SERVICE, kinds.PEER_AUTHENTICATION}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for service in mesh.services.all:
            if not service.headless:
                continue
            behind = [w for w in mesh.services.workloads(service) if mesh.has_sidecar(w)]
            strict = [w for w in behind if mesh.mtls(w).strict]
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
            elif behind and all(port.is_http for port in service.ports):
                yield self.finding(
                    service.resource,
                    "It has no cluster IP, and all of its ports are HTTP. Callers whose sidecar runs "
                    "already are not told when its pods become ambient: they go on sending mutual "
                    "TLS, which these do not take.",
                    fix="Move its callers first, or restart them when its pods have moved, then "
                    "acknowledge this.",
                    path="spec.clusterIP",
                    affects=behind,
                    callers=["sidecar"],
                )
