"""AMB306, a Gateway that changes its owner with its namespace's label."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.labels import REVISION, WAYPOINT_CLASS
from migrator.istio.mesh import Mesh
from migrator.istio.meshconfig import DEFAULT_REVISION
from migrator.model.finding import Finding, Remedy, Scope, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule

_CLASSES = frozenset({"istio", "istio-remote", "istio-east-west", WAYPOINT_CLASS})


class RevisionLabelOwnsGateway(Rule):
    """A Gateway follows the revision in its namespace's label, which the migration removes.

    ## Why
    The label `istio.io/rev` also says which istiod reconciles the namespace's Gateways. Without it the
    default revision takes them over, or nobody does: no address, no status, and a waypoint without
    address enforces nothing.

    ## Fix
    `migrate plan` writes `istio.io/rev` on the Gateway before it removes the namespace's label.

    ## References
    - istio/istio pkg/revisions/tag_watcher.go (`IsMine`)
    """

    code = "AMB306"
    severity = Severity.BLOCKER
    remedy = Remedy.AUTOMATIC
    scope = Scope.NAMESPACE
    inputs = kinds.MESHED | {kinds.GATEWAY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        default = mesh.webhooks.revision_of(DEFAULT_REVISION)
        for gateway in mesh.of(kinds.GATEWAY):
            revision = mesh.namespace(gateway.namespace).labels.get(REVISION)
            if revision is None or revision == DEFAULT_REVISION or not _follows(gateway):
                continue
            if default and mesh.webhooks.revision_of(revision) == default:
                continue
            if mesh.meshed_in(gateway.namespace):
                yield self.finding(
                    gateway,
                    f"{gateway.ref} belongs to revision {revision} by the label of namespace "
                    f"{gateway.namespace} alone; without the label another istiod takes it, or none.",
                    fix=f"Write {REVISION}: {revision} on the Gateway first, as the plan does.",
                    path="metadata",
                )


def _follows(gateway: Resource) -> bool:
    """Whether some istiod reconciles it by its namespace's label."""
    return REVISION not in gateway.labels and gateway.spec.get("gatewayClassName") in _CLASSES
