"""AMB233, an external host that is passed through."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.serviceentry_addresses import resolution, said_version
from migrator.istio.versions import Version
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule

_MENDED = Version(1, 28)


class ServiceentryNone(Rule):
    """A ServiceEntry passes calls to where they were going (`NONE`), which ztunnel knows by address only.

    ## Why
    A sidecar also knows such a host by the request's Host or by the server name in TLS. ztunnel compares
    addresses: one that names none is as good as absent, and before Istio 1.28 passing through by the
    addresses that it names did not work.

    ## Fix
    Write the addresses, choose `DNS`, or upgrade to Istio 1.28.

    ## References
    - istio/istio pilot/pkg/serviceregistry/ambient/services.go
    - istio.io/api networking/v1alpha3/service_entry.proto (`Resolution`)
    """

    code = "AMB233"
    severity = Severity.WARNING
    inputs = kinds.INJECTION | {kinds.SERVICE_ENTRY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for entry in mesh.of(kinds.SERVICE_ENTRY) if mesh.meshed else ():
            addresses = entry.spec.get("addresses") or ()
            if resolution(entry) != "NONE" or not _exact(entry):
                continue
            if addresses and mesh.istio_version >= _MENDED:
                continue
            ranges = any("/" in address for address in addresses)
            what = (
                f"{said_version(mesh)} does not pass calls through to {', '.join(addresses)}."
                if addresses
                else "It names no address, so that ztunnel does not know calls to it: no policy and "
                "no waypoint sees them."
            )
            yield self.finding(
                entry,
                f"{', '.join(_exact(entry))} is passed through (resolution NONE). {what}",
                fix="Upgrade to Istio 1.28 first."
                if addresses
                else "Write its addresses, or choose resolution DNS.",
                path=field("spec", "resolution") if entry.spec.get("resolution") else "",
                severity=Severity.BLOCKER if ranges else Severity.WARNING,
                affects=[entry],
                callers=["ambient"],
            )


def _exact(entry: Resource) -> tuple[str, ...]:
    """Hosts without a wildcard, for which there is a rule of its own."""
    return tuple(host for host in entry.spec.get("hosts") or () if not host.startswith("*"))
