"""AMB236, an external host for one's own."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.versions import Version
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule

_VISIBILITY_SINCE = Version(1, 31)
_TOLD_APART = ("addresses", "endpoints", "resolution", "workloadSelector")


class ServiceentryExportto(Rule):
    """A ServiceEntry is for some namespaces only (`exportTo`), and ztunnel shows it to all.

    ## Why
    ztunnel does not read `exportTo`. Every ambient pod gets the ServiceEntry, also in namespaces that
    should not know it; and of two for one host, each for its own namespace, another one may win than now.

    ## Fix
    Make one ServiceEntry a host, for all. From Istio 1.31 on `meshConfig.serviceEntryVisibility` can
    restrict it.

    ## References
    - istio/istio pilot/pkg/serviceregistry/ambient/services.go
    - istio.io/api mesh/v1alpha1/config.proto (`service_entry_visibility`)
    """

    code = "AMB236"
    severity = Severity.WARNING
    inputs = kinds.INJECTION | {kinds.SERVICE_ENTRY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        configured = mesh.config.get("serviceEntryVisibility") is not None
        if not mesh.meshed or (configured and mesh.istio_version >= _VISIBILITY_SINCE):
            return
        for entry in mesh.of(kinds.SERVICE_ENTRY):
            said = entry.spec.get("exportTo") or ("*",)
            if "*" in said:
                continue
            others = _rivals(mesh, entry)
            yield self.finding(
                entry,
                f"{', '.join(entry.spec.get('hosts') or ())} is exported to {', '.join(said)} "
                "only. ztunnel shows it to all namespaces"
                + (
                    f", and {', '.join(others)} has the host with other endpoints."
                    if others
                    else "."
                ),
                fix="Make one ServiceEntry for the host that is right for all namespaces.",
                path=field("spec", "exportTo"),
                severity=Severity.BLOCKER if others else Severity.WARNING,
                affects=[entry],
                callers=["ambient"],
            )


def _rivals(mesh: Mesh, entry: Resource) -> list[str]:
    """ServiceEntries of other namespaces for one of its hosts that lead elsewhere."""
    found = {
        f"{other.namespace}/{other.name}"
        for host in entry.spec.get("hosts") or ()
        for other in mesh.routing.service_entries_by_host.get(host, ())
        if other.namespace != entry.namespace
        and any(other.spec.get(key) != entry.spec.get(key) for key in _TOLD_APART)
    }
    return sorted(found)
