"""AMB351, an autoscaler that watches the sidecar."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.pods.autoscaling import target
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule

_PROXY = "istio-proxy"


class HpaOnIstioProxy(Rule):
    """An autoscaler scales a workload by the resources of its container `istio-proxy`.

    ## Why
    The container is gone in ambient. The metric cannot be computed any more, and the autoscaler stops.

    ## Fix
    Scale by the application's own container, or by its requests, before the workload moves.

    ## References
    - https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#container-resource-metrics
    - https://keda.sh/docs/latest/scalers/cpu/
    """

    code = "AMB351"
    severity = Severity.BLOCKER
    inputs = kinds.MESHED | {kinds.HPA, kinds.SCALED_OBJECT}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        meshed = set(mesh.meshed)
        for scaler in (*mesh.of(kinds.HPA), *mesh.of(kinds.SCALED_OBJECT)):
            workload = target(mesh, scaler)
            if workload not in meshed or workload is None:
                continue
            for path in _metrics(scaler):
                yield self.finding(
                    scaler,
                    f"{scaler.ref} scales {workload.ref} by its container istio-proxy, which ambient "
                    "pods do not have: it stops scaling.",
                    fix="Scale by the application's own container before the workload moves.",
                    path=path,
                    affects=[workload],
                )


def _metrics(scaler: Resource) -> Iterator[str]:
    for i, metric in enumerate(scaler.spec.get("metrics") or ()):
        if (metric.get("containerResource") or {}).get("container") == _PROXY:
            yield field("spec", "metrics", i)
    for i, trigger in enumerate(scaler.spec.get("triggers") or ()):
        if (trigger.get("metadata") or {}).get("containerName") == _PROXY:
            yield field("spec", "triggers", i)
