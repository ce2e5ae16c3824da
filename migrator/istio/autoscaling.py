"""Which workload an autoscaler scales."""

from typing import TYPE_CHECKING

from migrator.model.resource import Ref, Resource

from . import kinds
from .workloads import Workload

if TYPE_CHECKING:
    from .mesh import Mesh

_REFERENCES = {
    kinds.HPA: "scaleTargetRef",
    kinds.SCALED_OBJECT: "scaleTargetRef",
    kinds.VPA: "targetRef",
}


def target(mesh: "Mesh", scaler: Resource) -> Workload | None:
    """The workload that an HPA, a ScaledObject or a VPA names; None when it is not in the source.

    KEDA's default kind is the Deployment (pkg scaledobject_types.go of kedacore/keda).
    """
    named = scaler.spec.get(_REFERENCES[scaler.ref.group_kind]) or {}
    kind = named.get("kind") or kinds.DEPLOYMENT.kind
    group = (named.get("apiVersion") or "apps/v1").rpartition("/")[0]
    return mesh.workload(Ref(group, kind, scaler.namespace, named.get("name") or ""))
