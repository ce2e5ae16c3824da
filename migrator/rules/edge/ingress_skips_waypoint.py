"""AMB501, gateways go straight to the pods."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.entering import PROTECTION, is_told
from migrator.istio.traffic.routing import ROUTE_KINDS
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule


class IngressSkipsWaypoint(Rule):
    """A gateway leads to a Service that needs a waypoint, and gateways do not use waypoints by themselves.

    ## Why
    A gateway sends to the pods over HBONE, past the waypoint: policies and routes there do not see its
    requests. Once a guard lets only the waypoint through, they are refused.

    ## Fix
    `istio.io/ingress-use-waypoint: "true"` on the Service. `migrate plan` sets it before the guard where
    HTTP-level policy protects the workloads.

    ## References
    - istio/istio pilot/pkg/serviceregistry/ambient/services.go (`ingressUseWaypointFromLabels`)
    - https://istio.io/latest/docs/ambient/usage/waypoint/
    """

    code = "AMB501"
    severity = Severity.BLOCKER
    remedy = Remedy.AUTOMATIC
    inputs = kinds.INJECTION | {
        kinds.SERVICE, kinds.VIRTUAL_SERVICE, kinds.DESTINATION_RULE, kinds.INGRESS,
        kinds.AUTHORIZATION_POLICY, kinds.REQUEST_AUTHENTICATION, kinds.ENVOY_FILTER,
        kinds.WASM_PLUGIN, kinds.TRAFFIC_EXTENSION, *ROUTE_KINDS,
    }  # fmt: skip

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for service, reasons in mesh.waypoints.needing.items():
            routes = mesh.routing.ingress_routes_for(service)
            hard = {r.code for r in reasons if r.hard}
            if not routes or not hard or is_told(mesh, service):
                continue
            protected = bool(hard & PROTECTION)
            names_ = ", ".join(str(route.ref) for route in routes)
            yield self.finding(
                service.resource,
                f"{names_} leads gateway traffic here, and the Service needs a waypoint "
                f"({', '.join(sorted(hard))}). The gateway sends past the waypoint: "
                + (
                    "policies there are skipped, and the guard then refuses the gateway."
                    if protected
                    else "routes there do not apply to what comes from outside."
                ),
                fix='Label the Service istio.io/ingress-use-waypoint: "true" once it is bound.',
                path="metadata.labels",
                severity=Severity.BLOCKER if protected else Severity.WARNING,
                remedy=Remedy.AUTOMATIC if protected else Remedy.MANUAL,
                affects=[w for w in mesh.services.workloads(service) if mesh.has_sidecar(w)],
                callers=["gateway"],
            )
