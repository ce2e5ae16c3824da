"""Which workload an autoscaler scales, and the requests that its percentages are taken of."""

from fractions import Fraction
from typing import TYPE_CHECKING

from migrator.istio import kinds
from migrator.istio.quantities import quantity
from migrator.istio.workloads import Workload
from migrator.model.resource import Ref, Resource

from .probes import own_containers

if TYPE_CHECKING:
    from migrator.istio.mesh import Mesh

_REFERENCES = {
    kinds.HPA: "scaleTargetRef",
    kinds.SCALED_OBJECT: "scaleTargetRef",
    kinds.VPA: "targetRef",
}


# manifests/charts/istio-control/istio-discovery/values.yaml: global.proxy.resources.requests,
# and the annotations of a template that say otherwise.
_SIDECAR = {
    "cpu": ("sidecar.istio.io/proxyCPU", "100m"),
    "memory": ("sidecar.istio.io/proxyMemory", "128Mi"),
}


def requests_in_words(workload: Workload, resource: str) -> str:
    """What its pod requests of `resource` with the sidecar and without; empty where that is not known.

    A container without a request leaves the autoscaler's percentage undefined, and so this answer.
    """
    if resource not in _SIDECAR:
        return ""
    asked = [
        quantity(((container.get("resources") or {}).get("requests") or {}).get(resource))
        for _, container in own_containers(workload, init=False)
    ]
    annotation, default = _SIDECAR[resource]
    sidecar = quantity(workload.annotations.get(annotation, default))
    own = sum((amount for amount in asked if amount), Fraction(0))
    if sidecar is None or not own or not all(asked):
        return ""
    return f"{_words(own + sidecar, resource)} requested with it, {_words(own, resource)} without"


def _words(amount: Fraction, resource: str) -> str:
    return f"{round(amount * 1000)}m" if resource == "cpu" else f"{round(amount / 2**20)}Mi"


def target(mesh: "Mesh", scaler: Resource) -> Workload | None:
    """The workload that an HPA, a ScaledObject or a VPA names; None when it is not in the source.

    KEDA's default kind is the Deployment (pkg scaledobject_types.go of kedacore/keda).
    """
    named = scaler.spec.get(_REFERENCES[scaler.ref.group_kind]) or {}
    kind = named.get("kind") or kinds.DEPLOYMENT.kind
    group = (named.get("apiVersion") or "apps/v1").rpartition("/")[0]
    return mesh.workload(Ref(group, kind, scaler.namespace, named.get("name") or ""))
