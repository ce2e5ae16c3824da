"""AMB352, an autoscaler whose percentage counts the sidecar's request."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.pods.autoscaling import requests_in_words, target
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule


class HpaResourceAverage(Rule):
    """An autoscaler's target is an average over the whole pod, with the sidecar in it.

    ## Why
    Utilization is the usage of all containers over the requests of all containers. With the sidecar
    its share leaves both, and the same load gives another percentage: the workload scales at another
    point.

    ## Fix
    Scale by the application's container (`ContainerResource`), or set the target again after a day
    of ambient.

    ## References
    - https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details
    - istio/istio manifests/charts/istio-control/istio-discovery/values.yaml (`global.proxy.resources`)
    """

    code = "AMB352"
    severity = Severity.WARNING
    inputs = kinds.MESHED | {kinds.HPA, kinds.SCALED_OBJECT}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        meshed = set(mesh.meshed)
        for scaler in (*mesh.of(kinds.HPA), *mesh.of(kinds.SCALED_OBJECT)):
            workload = target(mesh, scaler)
            if workload is None or workload not in meshed:
                continue
            for path, resource in _averages(scaler):
                words = requests_in_words(workload, resource)
                yield self.finding(
                    scaler,
                    f"{scaler.ref} scales {workload.ref} by the {resource} of the whole pod; in ambient "
                    "the sidecar's share is gone, and it scales at another load"
                    + (f" ({words})." if words else "."),
                    fix="Scale by the application's own container, or set the target again.",
                    path=path,
                    affects=[workload],
                )


def _averages(scaler: Resource) -> Iterator[tuple[str, str]]:
    if "targetCPUUtilizationPercentage" in scaler.spec:
        yield field("spec", "targetCPUUtilizationPercentage"), "cpu"
    for i, metric in enumerate(scaler.spec.get("metrics") or ()):
        if metric.get("type") == "Resource":
            yield (
                field("spec", "metrics", i),
                (metric.get("resource") or {}).get("name", "resource"),
            )
    for i, trigger in enumerate(scaler.spec.get("triggers") or ()):
        whole_pod = not (trigger.get("metadata") or {}).get("containerName")
        if trigger.get("type") in {"cpu", "memory"} and whole_pod:
            yield field("spec", "triggers", i), trigger["type"]
