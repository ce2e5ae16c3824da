"""AMB232, an external host resolved by DNS that needs an address."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.serviceentry_addresses import without_address
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule


class ServiceentryDns(Rule):
    """A ServiceEntry resolved by DNS names no address, and ztunnel knows destinations by address alone.

    ## Why
    istiod gives such a host an address of 240.240.0.0/16, and ztunnel answers DNS with it: both are the
    default since Istio 1.25. Without either, calls to the host are unknown to ztunnel; no policy and no
    waypoint of the ServiceEntry sees them.

    ## Fix
    Where it is said that no address is given: switch allocation and DNS capture on, or write
    `addresses`.

    ## References
    - istio/istio pilot/pkg/networking/serviceentry/ip_autoallocation.go
    - istio/istio pilot/pkg/serviceregistry/ambient/services.go
    """

    code = "AMB232"
    severity = Severity.INFO
    remedy = Remedy.NONE
    inputs = kinds.INJECTION | {kinds.SERVICE_ENTRY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for found in without_address(mesh, "DNS", "DNS_ROUND_ROBIN"):
            yield self.finding(
                found.entry,
                found.message,
                fix=found.fix,
                path=field("spec", "resolution"),
                severity=Severity.BLOCKER if found.why else Severity.INFO,
                remedy=Remedy.MANUAL if found.why else Remedy.NONE,
                affects=[found.entry],
                callers=["ambient"],
            )
