"""AMB126, pods that STRICT will act on for the first time."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.mesh import Mesh
from migrator.istio.pods import dataplane
from migrator.istio.workloads import Role, Workload
from migrator.model.finding import Finding, Remedy, Scope, Severity
from migrator.rules.base import Rule


class StrictNewlyCoversPods(Rule):
    """A workload without sidecar would be captured with its namespace, under a STRICT mode that it never met.

    ## Why
    PeerAuthentication acts on pods that have a data plane. The namespace's ambient label captures running
    pods without sidecar at once, and from then on STRICT refuses every caller outside the mesh.

    ## Fix
    Keep such workloads out with `istio.io/dataplane-mode: none`, as `migrate plan` does before it labels
    the namespace; take them in later, one by one.

    ## References
    - istio/istio cni/pkg/util/enablement_selector.go
    - istio/istio pilot/pkg/serviceregistry/ambient/authorization.go
    """

    code = "AMB126"
    severity = Severity.BLOCKER
    remedy = Remedy.AUTOMATIC
    scope = Scope.NAMESPACE
    inputs = kinds.INJECTION | kinds.SERVICES | {kinds.PEER_AUTHENTICATION}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for namespace in mesh.meshed_namespaces:
            for workload in mesh.workloads_in(namespace):
                if not _would_be_captured(mesh, workload) or not _serves(mesh, workload):
                    continue
                mtls = mesh.mtls(workload)
                if mtls.strict and mtls.sources:
                    by = mtls.sources[0].ref
                    yield self.finding(
                        workload.resource,
                        f"{workload.ref} has no sidecar, and the namespace's ambient label would capture "
                        f"it. {by} then refuses its callers outside the mesh, at once.",
                        fix="Keep it out with istio.io/dataplane-mode: none until its callers are known; "
                        "`migrate plan` does.",
                        affects=[workload],
                        callers=["outside"],
                    )


def _would_be_captured(mesh: Mesh, workload: Workload) -> bool:
    if workload.role is not Role.APP or mesh.state(workload).mode is not dataplane.Mode.NONE:
        return False
    labels = mesh.namespace(workload.namespace).labels
    labelled = {**labels, names.DATAPLANE_MODE: names.AMBIENT}
    return dataplane.eligible(workload, workload.namespace, labelled, mesh.cni)


def _serves(mesh: Mesh, workload: Workload) -> bool:
    declared = any(container.get("ports") for container in workload.containers)
    return declared or bool(mesh.services.of_workload(workload))
