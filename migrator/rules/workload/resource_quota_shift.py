"""AMB354, a namespace whose limits decide whether a waypoint may start."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.waypoint.waypoint_pods import in_need
from migrator.istio.waypoint.waypoint_room import quota_shortage, range_shortage
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule


class ResourceQuotaShift(Rule):
    """A namespace that needs a waypoint limits what its pods may ask for.

    ## Why
    A waypoint asks for 100m CPU and 128Mi, with limits of 2 CPU and 1Gi, and starts before the
    sidecars give anything back. Where quota or range leave no room, its pods are refused.

    ## Fix
    Raise the quota for the time of the migration, or give waypoints smaller limits
    (`global.waypoint.resources`). Lower the quota afterwards by what the sidecars had.

    ## References
    - istio/istio manifests/charts/istio-control/istio-discovery/values.yaml (`global.waypoint`)
    - https://kubernetes.io/docs/concepts/policy/resource-quotas/
    """

    code = "AMB354"
    severity = Severity.WARNING
    inputs = kinds.WAYPOINT_REASONS | {kinds.RESOURCE_QUOTA, kinds.LIMIT_RANGE}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        limits = (*mesh.of(kinds.RESOURCE_QUOTA), *mesh.of(kinds.LIMIT_RANGE))
        waypoints = {s.namespace for s in in_need(mesh)} if limits else set()
        for limit in limits:
            if limit.namespace not in waypoints:
                continue
            if limit.ref.group_kind == kinds.LIMIT_RANGE:
                for i, what in range_shortage(limit):
                    yield self._refused(limit, field("spec", "limits", i), what)
                continue
            governed, lacking = quota_shortage(limit)
            if lacking:
                yield self._refused(limit, field("spec", "hard"), lacking)
            elif governed:
                yield self.finding(
                    limit,
                    f"{limit.ref} limits {', '.join(governed)} of a namespace that needs a waypoint, "
                    "which starts before the sidecars give anything back.",
                    fix="Verify that there is room for the waypoint's 2 CPU and 1Gi of limits.",
                    path=field("spec", "hard"),
                    affects=[mesh.namespace(limit.namespace).ref],
                )

    def _refused(self, limit: Resource, path: str, what: str) -> Finding:
        return self.finding(
            limit,
            f"{limit.ref} leaves no room for the waypoint that {limit.namespace} needs: {what}.",
            fix="Raise it for the migration, or give waypoints smaller limits.",
            path=path,
            severity=Severity.BLOCKER,
        )
