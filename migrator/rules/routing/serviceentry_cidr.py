"""AMB234, an external range of addresses."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.serviceentry_addresses import said_version
from migrator.istio.versions import Version
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule

_RANGES_SINCE = Version(1, 30)
_SINGLE = {"", "32", "128"}


class ServiceentryCidr(Rule):
    """A ServiceEntry names a range of addresses, which ztunnel knows only from Istio 1.30 on.

    ## Why
    Before, ztunnel compared single addresses. Calls into the range are calls to unknown addresses: no
    policy and no waypoint of the ServiceEntry sees them.

    ## Fix
    Upgrade to Istio 1.30, or write single addresses.

    ## References
    - istio/istio pilot/pkg/serviceregistry/ambient/services.go (`toNetworkAddressFromCidr`)
    """

    code = "AMB234"
    severity = Severity.BLOCKER
    inputs = kinds.INJECTION | {kinds.SERVICE_ENTRY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        if not mesh.meshed or mesh.istio_version >= _RANGES_SINCE:
            return
        for entry in mesh.of(kinds.SERVICE_ENTRY):
            for i, address in enumerate(entry.spec.get("addresses") or ()):
                if address.partition("/")[2] in _SINGLE:
                    continue
                yield self.finding(
                    entry,
                    f"{address} is a range, which ztunnel of {said_version(mesh)} does not know: "
                    "calls into it are not taken for calls to "
                    f"{', '.join(entry.spec.get('hosts') or ())}.",
                    fix="Upgrade to Istio 1.30 first, or write single addresses.",
                    path=field("spec", "addresses", i),
                    affects=[entry],
                    callers=["ambient"],
                )
