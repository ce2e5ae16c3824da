"""Which namespaces see a VirtualService or DestinationRule.

`exportTo`, else the mesh's default for the kind, else everybody: `initDefaultExportMaps` of istio/istio
pilot/pkg/model/push_context.go.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from migrator.istio import kinds
from migrator.istio.loose import texts
from migrator.model.resource import Resource

if TYPE_CHECKING:
    from migrator.istio.mesh import Mesh

_DEFAULT = {
    kinds.VIRTUAL_SERVICE: "defaultVirtualServiceExportTo",
    kinds.DESTINATION_RULE: "defaultDestinationRuleExportTo",
}


def is_visible(mesh: "Mesh", resource: Resource, namespace: str) -> bool:
    """Whether a proxy of `namespace` sees it."""
    return any(
        one in {"*", namespace} or (one == "." and namespace == resource.namespace)
        for one in exported_to(mesh, resource)
    )


def is_private(mesh: "Mesh", resource: Resource) -> bool:
    """Whether no other namespace has it."""
    return set(exported_to(mesh, resource)) in ({"."}, {resource.namespace})


def exported_to(mesh: "Mesh", resource: Resource) -> Sequence[str]:
    """Namespaces, `.` for its own, `*` for all."""
    default = texts(mesh.config.values, _DEFAULT[resource.ref.group_kind])
    return resource.spec.get("exportTo") or default or ("*",)
