"""AMB417, metrics that the sidecar hands out past mTLS."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.pods.scraping import is_scraper, merged_scrape
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class PrometheusMergeAnnotations(Rule):
    """Prometheus reads an application through its sidecar, and would meet STRICT at its own port.

    ## Why
    The injector redirects `prometheus.io/*` to the sidecar's port 15020, which takes plain text. Without
    sidecar the annotations name the application's own port again; there STRICT refuses a Prometheus that
    is outside the mesh.

    ## Fix
    Take Prometheus into the mesh (ambient is enough), or set the metrics port to PERMISSIVE by
    `portLevelMtls` in a PeerAuthentication for these pods.

    ## References
    - istio/istio pkg/kube/inject/webhook.go (`applyPrometheusMerge`)
    - https://istio.io/latest/docs/ops/integrations/prometheus/
    """

    code = "AMB417"
    severity = Severity.BLOCKER
    inputs = kinds.INJECTION | {kinds.PEER_AUTHENTICATION}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        if any(is_scraper(workload) for workload in mesh.meshed):
            return
        for workload in mesh.meshed:
            scrape, mtls = merged_scrape(mesh, workload), mesh.mtls(workload)
            ports = [str(p) for p in scrape.ports if mtls.at(p) == "STRICT"] if scrape else []
            if scrape is None or not ports:
                continue
            said = ", ".join(ports)
            yield self.finding(
                workload.resource,
                f"Prometheus reads the metrics of {workload.name} through its sidecar. In ambient it asks "
                f"port {said} itself, where STRICT refuses plain text.",
                fix=f"Take Prometheus into the mesh, or make port {said} PERMISSIVE by portLevelMtls.",
                path=workload.path("metadata", "annotations", scrape.annotation),
                affects=[workload],
                callers=["outside"],
            )
