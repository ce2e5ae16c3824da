"""AMB235, external hosts by wildcard."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.serviceentry_addresses import resolution, said_version
from migrator.istio.versions import Version
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule

_DYNAMIC_SINCE = Version(1, 28)


class ServiceentryWildcard(Rule):
    """A ServiceEntry has a wildcard host, which ambient knows only with `DYNAMIC_DNS` and a waypoint.

    ## Why
    ztunnel compares addresses, and a wildcard has none. From Istio 1.28 on a waypoint resolves such hosts
    where the resolution is `DYNAMIC_DNS`; any other call is passed through as to an unknown address. Where
    sidecars refuse unknown hosts (`REGISTRY_ONLY`) the ServiceEntry was the permission.

    ## Fix
    Choose `DYNAMIC_DNS` and bind the ServiceEntry to a waypoint, or name the hosts one by one.

    ## References
    - istio/istio pilot/pkg/serviceregistry/ambient/services.go (`WaypointMissing`)
    """

    code = "AMB235"
    severity = Severity.WARNING
    inputs = kinds.INJECTION | {kinds.SERVICE_ENTRY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        fence = mesh.config.get("outboundTrafficPolicy", "mode") == "REGISTRY_ONLY"
        for entry in mesh.of(kinds.SERVICE_ENTRY) if mesh.meshed else ():
            for i, host in enumerate(entry.spec.get("hosts") or ()):
                why = _why_unknown(mesh, entry) if host.startswith("*") else ""
                if not why:
                    continue
                yield self.finding(
                    entry,
                    f"Ambient does not know calls to {host}: {why}. They are passed through."
                    + (" Sidecars refuse all other hosts (REGISTRY_ONLY)." if fence else ""),
                    fix="Choose resolution DYNAMIC_DNS and bind the ServiceEntry to a waypoint, "
                    "or name the hosts one by one.",
                    path=field("spec", "hosts", i),
                    severity=Severity.BLOCKER if fence else Severity.WARNING,
                    affects=[entry],
                    callers=["ambient"],
                )


def _why_unknown(mesh: Mesh, entry: Resource) -> str:
    if mesh.istio_version < _DYNAMIC_SINCE:
        return f"{said_version(mesh)} has no such hosts"
    if resolution(entry) != "DYNAMIC_DNS":
        return f"its resolution is {resolution(entry)}"
    bound = mesh.waypoints.binding_of(entry.labels, entry.namespace).gateway
    return "" if bound else "it is bound to no waypoint"
