"""AMB513, a waypoint that listens for something else."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class WaypointListenerInvalid(Rule):
    """A waypoint's Gateway has a listener other than HBONE on port 15008, which istiod does not accept.

    ## Why
    Callers reach a waypoint on port 15008 by HBONE only. Another listener is `Accepted: False`; without the
    right one nobody gets through.

    ## Fix
    One listener: `name: mesh`, `port: 15008`, `protocol: HBONE`.

    ## References
    - istio/istio pilot/pkg/config/kube/gateway/conversion.go (`unexpectedWaypointListener`)
    """

    code = "AMB513"
    severity = Severity.BLOCKER
    inputs = kinds.NAMESPACES | {kinds.GATEWAY, kinds.SERVICE} | kinds.WORKLOADS

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for gateway in mesh.waypoints.gateways:
            bound = mesh.waypoints.bound_services(gateway.ref)
            for i, listener in enumerate(gateway.spec.get("listeners") or ()):
                asked = (listener.get("port"), listener.get("protocol"))
                if asked == (15008, "HBONE"):
                    continue
                yield self.finding(
                    gateway,
                    f"Its listener {listener.get('name', i)} is for {asked[1]} on {asked[0]}. A "
                    "waypoint takes HBONE on 15008 only: istiod does not accept the listener.",
                    fix="Leave one listener: name mesh, port 15008, protocol HBONE.",
                    path=field("spec", "listeners", i),
                    affects=[s.ref for s in bound],
                    callers=["ambient"],
                )
