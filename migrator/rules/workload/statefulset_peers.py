"""AMB347, replicas that call each other while one after the other moves."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.workloads import Workload
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class StatefulsetPeers(Rule):
    """Replicas of a StatefulSet find each other by a headless Service, under STRICT.

    ## Why
    While the replicas restart one by one, some have sidecars and some are ambient. One ambient
    endpoint turns the sidecars' connections to the headless Service into plain text for all
    endpoints, and those that still have sidecars refuse it: the peers lose each other.

    ## Fix
    Set the workload to PERMISSIVE for the time of its restart, or stop and start all replicas at once.

    ## References
    - istio/istio pilot/pkg/networking/core/cluster_tls.go
    """

    code = "AMB347"
    severity = Severity.BLOCKER
    inputs = kinds.INJECTION | kinds.SERVICES | {kinds.PEER_AUTHENTICATION}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for workload in mesh.meshed:
            if workload.ref.group_kind != kinds.STATEFUL_SET or (workload.replicas or 0) < 2:
                continue
            service = _governing(mesh, workload)
            if service and mesh.mtls(workload).strict:
                yield self.finding(
                    workload.resource,
                    f"The {workload.replicas} replicas of {workload.ref} find each other by the "
                    f"headless Service {service} under STRICT; while they restart one by one, "
                    "those with sidecars refuse the others.",
                    fix="Plan PERMISSIVE for the time of the restart, or a stop of all replicas.",
                    path=field("spec", "serviceName"),
                    affects=[workload],
                    callers=["sidecar", "ambient"],
                )


def _governing(mesh: Mesh, workload: Workload) -> str:
    """The name of its headless Service, where that is in the source and selects its pods."""
    name = workload.resource.spec.get("serviceName")
    found = (s for s in mesh.services.of_workload(workload) if s.headless and s.name == name)
    return next((service.name for service in found), "")
