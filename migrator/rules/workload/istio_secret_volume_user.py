"""AMB360, an application that uses its sidecar's certificates."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.pods.probes import own_containers
from migrator.istio.pods.sidecar_settings import own_metadata
from migrator.istio.workloads import Workload
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule

_OUTPUT = "OUTPUT_CERTS"
_INJECTED_VOLUMES = frozenset(
    {"workload-certs", "workload-socket", "istio-data", "istio-envoy", "istio-podinfo", "istio-token",
     "istiod-ca-cert", "istio-certs"}
)  # fmt: skip


class IstioSecretVolumeUser(Rule):
    """An application reads certificates from its sidecar, or from the sidecar's volumes.

    ## Why
    In ambient certificates stay in ztunnel. Nothing writes them to a volume any more, and those that
    are there run out within a day: mTLS that the application does itself, such as Prometheus scraping
    under STRICT, fails. A pod that mounts a volume of the injector's is refused without it.

    ## Fix
    Let ztunnel do the mTLS: the application calls in plain text, as an ambient pod.

    ## References
    - istio/istio pilot/cmd/pilot-agent/options/options.go (`OUTPUT_CERTS`)
    - istio/istio manifests/charts/istio-control/istio-discovery/files/injection-template.yaml
    """

    code = "AMB360"
    severity = Severity.BLOCKER
    inputs = kinds.MESHED

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for workload in mesh.meshed:
            for path, what in _uses(workload):
                yield self.finding(
                    workload.resource,
                    f"{workload.ref} uses the certificates of its sidecar ({what}); in ambient nothing "
                    "writes them.",
                    fix="Let the application call in plain text, and ztunnel do the mTLS.",
                    path=path,
                    affects=[workload],
                )


def _uses(workload: Workload) -> Iterator[tuple[str, str]]:
    if own_metadata(workload).get(_OUTPUT):
        yield workload.path("metadata", "annotations", "proxy.istio.io/config"), _OUTPUT
    declared = {volume.get("name") for volume in workload.pod_spec.get("volumes") or ()}
    for path, container in own_containers(workload):
        for i, mount in enumerate(container.get("volumeMounts") or ()):
            if mount.get("name") in _INJECTED_VOLUMES - declared:
                yield f"{path}.volumeMounts[{i}]", f"the injected volume {mount['name']}"
