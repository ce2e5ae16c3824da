"""AMB331, host names that get an address of the mesh's own."""

from collections.abc import Iterator

from migrator.istio import kinds, labels
from migrator.istio.mesh import Mesh
from migrator.istio.pods.sidecar_settings import proxy_metadata
from migrator.istio.traffic.dns_capture import allocated_hosts, why_captured
from migrator.istio.workloads import Workload
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule, refs_of


class DnsCaptureNew(Rule):
    """Hosts of a ServiceEntry without addresses resolve to addresses that istiod made up.

    ## Why
    Ambient answers DNS for its pods, which these sidecars did not. Such a host then resolves to
    240.240.0.0/16 or 2001:2::/48: applications that log, pin or allow-list addresses notice.

    ## Fix
    Nothing where applications go by name. Else label the ServiceEntry
    `networking.istio.io/enable-autoallocate-ip: "false"`, or opt the pods out of DNS capture.

    ## References
    - istio/istio pilot/pkg/networking/serviceentry/ip_autoallocation.go
    - istio/istio pilot/pkg/features/pilot.go (`PILOT_IP_AUTOALLOCATE_IPV4_PREFIX`)
    """

    code = "AMB331"
    severity = Severity.WARNING
    inputs = kinds.INJECTION | {kinds.SERVICE_ENTRY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        captured, entries = why_captured(mesh), mesh.of(kinds.SERVICE_ENTRY)
        if not captured or not entries:
            return
        newly = [w for w in mesh.meshed if not _has_capture(mesh, w)]
        by_namespace: dict[str, list[Workload]] = {}
        for workload in newly:
            by_namespace.setdefault(workload.namespace, []).append(workload)
        everyone = refs_of(newly)
        for entry in entries:
            hosts = allocated_hosts(entry)
            homes = _homes(entry)
            near = (w for home in homes or () for w in by_namespace.get(home, ()))
            affected = everyone if homes is None else refs_of(near)
            if hosts and affected:
                yield self.finding(
                    entry,
                    f"{', '.join(hosts)} of {entry.ref} has no address: ambient pods resolve it to one "
                    f"of 240.240.0.0/16 ({captured}), and their sidecars did not.",
                    fix="Verify that no application pins or logs the address; else opt out.",
                    path=field("spec", "hosts"),
                    affects=affected,
                )


def _has_capture(mesh: Mesh, workload: Workload) -> bool:
    """Whether its sidecar captures DNS already, or its ambient pods will not."""
    sidecar = proxy_metadata(workload, mesh.config).get("ISTIO_META_DNS_CAPTURE")
    return sidecar == "true" or workload.annotations.get(labels.DNS_CAPTURE) == "false"


def _homes(entry: Resource) -> frozenset[str] | None:
    """The namespaces that see the host; None for all."""
    export = entry.spec.get("exportTo") or ("*",)
    return None if "*" in export else frozenset(entry.namespace if e == "." else e for e in export)
