"""AMB520, a waypoint of another name."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule

_ANNOTATIONS = ("gateway.istio.io/service-account", "gateway.istio.io/name-override")


class WaypointServiceAccountOverride(Rule):
    """A waypoint runs under another service account, or another name, than its Gateway's.

    ## Why
    Policies that name the waypoint name its service account. By default that is the Gateway's name; an
    annotation says otherwise here.

    ## Fix
    Name the account that the waypoint really has in what lets it through.

    ## References
    - istio/istio pilot/pkg/config/kube/gatewaycommon/deploymentcontroller.go
    - istio.io/api annotation/annotations.gen.go
    """

    code = "AMB520"
    severity = Severity.INFO
    remedy = Remedy.NONE
    inputs = frozenset({kinds.GATEWAY})

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for gateway in mesh.waypoints.gateways:
            for name in _ANNOTATIONS:
                value = gateway.annotations.get(name)
                if value and value != gateway.name:
                    yield self.finding(
                        gateway,
                        f"{name} is {value}: its pods' account, by which policies know it, may "
                        f"differ from its name {gateway.name}.",
                        fix="Name the account that the waypoint's pods have in policies that let it through.",
                        path=field("metadata", "annotations", name),
                    )
