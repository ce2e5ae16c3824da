"""AMB710, an upgrade of Istio that is not over."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.platform import is_from_cluster
from migrator.model.finding import Finding, Scope, Severity
from migrator.rules.base import Rule


class ConcurrentIstioUpgrade(Rule):
    """An upgrade of istiod is under way: two versions run, or one is not rolled out.

    ## Why
    Proxies of two control planes may be told different things about the same pod. A migration on top
    of that has two causes for every failure.

    ## Fix
    Finish the upgrade and remove the old revision, then check again.

    ## References
    - https://istio.io/latest/docs/setup/upgrade/canary/
    """

    code = "AMB710"
    severity = Severity.BLOCKER
    scope = Scope.CLUSTER
    inputs = frozenset({kinds.DEPLOYMENT})

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        planes = mesh.control_planes
        newest = max((plane.version for plane in planes if plane.version), default=None)
        for plane in planes:
            if newest and plane.version and plane.version < newest:
                yield self.finding(
                    plane.resource,
                    f"Revision {plane.revision} of istiod has version {plane.version} beside {newest}: "
                    "an upgrade is not finished.",
                    fix=f"Move what follows revision {plane.revision} to {newest}, then remove it.",
                    path=f"{plane.container_path}.image",
                )
            wanted = plane.resource.spec.get("replicas", 1)
            updated = plane.resource.status.get("updatedReplicas", 0)
            if is_from_cluster(plane.resource) and updated < wanted:
                yield self.finding(
                    plane.resource,
                    f"{updated} of {wanted} pods of istiod {plane.revision} have its new template.",
                    fix="Wait until istiod is rolled out.",
                    path="status",
                )
