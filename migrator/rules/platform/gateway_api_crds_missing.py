"""AMB004, no CRDs for waypoints."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.platform import shows_crds
from migrator.model.finding import Finding, Scope, Severity
from migrator.rules.base import Rule

_GROUP = "gateway.networking.k8s.io"
_NEEDED = ("gatewayclasses", "gateways", "httproutes")


class GatewayApiCrdsMissing(Rule):
    """The cluster's CustomResourceDefinitions lack the Gateway API, of which waypoints are made.

    ## Why
    A waypoint is a Gateway. Without the CRDs none can be created, and every policy and route that has
    to move from a sidecar to a waypoint has nowhere to go.

    ## Fix
    Install the standard channel of the Gateway API at the version in the release notes of your Istio.
    The CRDs are shared by the whole cluster: agree with their other users first.

    ## References
    - istio/istio istioctl/pkg/waypoint/waypoint.go
    - https://istio.io/latest/docs/ambient/getting-started/#download-the-istio-cli
    """

    code = "AMB004"
    severity = Severity.BLOCKER
    scope = Scope.CLUSTER
    inputs = kinds.WAYPOINT_REASONS | {kinds.CRD}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        needing = len(mesh.waypoints.needing)
        shown = shows_crds(mesh)
        present = {crd.name for crd in mesh.of(kinds.CRD)}
        missing = [name for name in _NEEDED if f"{name}.{_GROUP}" not in present]
        if shown and missing:
            who = f"services that need a waypoint: {needing}"
            yield self.finding(
                shown[0],
                f"The cluster has {len(present)} CustomResourceDefinitions, and of {_GROUP} lacks "
                f"{', '.join(missing)}; {who}.",
                fix="Install the standard channel of the Gateway API before phase 0 ends.",
                severity=Severity.BLOCKER if needing else Severity.WARNING,
            )
