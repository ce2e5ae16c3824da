"""AMB337, an annotation about probes that only the injector reads."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.pods.probes import probes
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule

_ANNOTATION = "sidecar.istio.io/rewriteAppHTTPProbers"


class ProbeRewriteAnnotation(Rule):
    """A pod template says how the injector treats its probes.

    ## Why
    In ambient no probe is rewritten: istio-cni lets the kubelet's HTTP, TCP and gRPC probes in, under
    STRICT as well. The annotation has no effect any more.

    ## Fix
    Nothing. Remove the annotation once the workload has moved.

    ## References
    - istio/istio cni/pkg/iptables/iptables.go (`HostProbeSNATAddress`)
    - istio/istio pkg/kube/inject/app_probe.go (`ShouldRewriteAppHTTPProbers`)
    """

    code = "AMB337"
    severity = Severity.INFO
    remedy = Remedy.NONE
    inputs = kinds.MESHED

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for workload in mesh.meshed:
            value = workload.annotations.get(_ANNOTATION)
            if value and any(probe.over_network for probe in probes(workload)):
                yield self.finding(
                    workload.resource,
                    f'{workload.ref} has {_ANNOTATION}: "{value}"; in ambient probes reach the '
                    "application as they are written.",
                    fix="Remove the annotation once the workload has moved.",
                    path=workload.path("metadata", "annotations", _ANNOTATION),
                    affects=[workload],
                )
