"""AMB617, a Service that others should not see."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.loose import texts
from migrator.istio.mesh import Mesh
from migrator.istio.services import Service
from migrator.istio.traffic.virtualservices import apps, is_meshed
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule

_ANNOTATION = "networking.istio.io/exportTo"
_DEFAULT = "defaultServiceExportTo"


class ServiceExportto(Rule):
    """A Service is hidden from other namespaces (`exportTo`), which ztunnel does not heed.

    ## Why
    Visibility shaped what sidecars know; ambient callers of every namespace reach the Service. It never was
    access control, but some rely on it.

    ## Fix
    If it kept callers out, write an AuthorizationPolicy that names who may call.

    ## References
    - istio/istio pilot/pkg/serviceregistry/ambient/services.go
    - istio.io/api annotation/annotations.gen.go (`networking.istio.io/exportTo`)
    """

    code = "AMB617"
    severity = Severity.WARNING
    inputs = kinds.MESHED | kinds.SERVICES

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for service in mesh.services.all:
            seen_by = [
                one.strip() for one in service.resource.annotations.get(_ANNOTATION, "").split(",")
            ]
            if any(seen_by) and "*" not in seen_by and is_meshed(mesh, service):
                yield self.finding(
                    service.resource,
                    f"Only {', '.join(_named(service, one) for one in seen_by if one)} should see "
                    "it. ztunnel does not heed that: ambient callers of every namespace reach it.",
                    fix="Say by an AuthorizationPolicy who may call, if that is what it was for.",
                    path=field("metadata", "annotations", _ANNOTATION),
                    affects=apps(mesh, [service]),
                    callers=["ambient"],
                )
        where = mesh.config.where(_DEFAULT)
        default = texts(mesh.config.values, _DEFAULT)
        if where is not None and default and "*" not in default and mesh.meshed:
            yield self.finding(
                where[0],
                f"By the mesh's {_DEFAULT} Services are seen by {', '.join(default)} only. ztunnel "
                "does not heed that: ambient callers of every namespace reach them.",
                fix="Say by AuthorizationPolicies who may call, if that is what it was for.",
                path=where[1],
                affects=mesh.meshed,
                callers=["ambient"],
            )


def _named(service: Service, name: str) -> str:
    return {".": service.namespace, "~": "nobody"}.get(name, name)
