"""AMB613, a second way to protected pods."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.destinationrules import listed
from migrator.istio.traffic.entering import PROTECTION
from migrator.istio.traffic.virtualservices import apps
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule


class ExternalIpsOrVipAlias(Rule):
    """Pods protected by HTTP-level policy are also reached by a second Service, or by external IPs.

    ## Why
    A waypoint is bound Service by Service. Calls to a Service that is not bound, or to `externalIPs`, go
    straight to the same pods: the policy at the waypoint is not applied, and the guard refuses them.

    ## Fix
    Bind every Service of the workload; `migrate plan` does. External IPs need a gateway instead.

    ## References
    - istio/istio pilot/pkg/serviceregistry/ambient/services.go (`getVIPs`)
    """

    code = "AMB613"
    severity = Severity.BLOCKER
    remedy = Remedy.AUTOMATIC
    inputs = kinds.WAYPOINT_REASONS

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for service, reasons in mesh.waypoints.needing.items():
            sources = dict.fromkeys(r.source for r in reasons if r.code in PROTECTION)
            if not sources or service.headless:
                continue
            behind = apps(mesh, [service])
            addresses = service.resource.spec.get("externalIPs") or ()
            if addresses:
                yield self.finding(
                    service.resource,
                    f"{listed(map(str, sources))} protects its pods, and they are reached by the "
                    f"external IPs {', '.join(addresses)}, past any waypoint.",
                    fix="Lead callers from outside through a gateway, and drop externalIPs.",
                    path="spec.externalIPs",
                    remedy=Remedy.MANUAL,
                    affects=behind,
                    callers=["outside"],
                )
            binding = mesh.waypoints.bound_to(service)
            others = {
                o.name for w in behind for o in mesh.services.of_workload(w) if not o.headless
            }
            if len(others) > 1 and binding.gateway is None and not binding.opted_out:
                yield self.finding(
                    service.resource,
                    f"{listed(map(str, sources))} protects its pods, which "
                    f"{listed(sorted(others - {service.name}))} leads to as well. Each Service "
                    "that is not bound to the waypoint is a way past it.",
                    fix="Bind every Service of the workload to the waypoint; `migrate plan` does it.",
                    affects=behind,
                    callers=["ambient", "gateway"],
                )
