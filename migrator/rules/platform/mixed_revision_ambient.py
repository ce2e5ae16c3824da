"""AMB008, revisions of which not all know ambient."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.model.finding import Finding, Scope, Severity
from migrator.rules.base import Rule


class MixedRevisionAmbient(Rule):
    """One revision of istiod has ambient and another has not.

    ## Why
    Proxies of the revision without ambient are told that ambient pods are plain pods: they send plain
    text where STRICT refuses it, or fail with 503. The same mesh looks different from every caller.

    ## Fix
    Finish the upgrade from one revision to the other, or enable ambient on all of them.

    ## References
    - istio/istio pilot/pkg/serviceregistry/ambient/workloads.go
    - https://github.com/istio/istio/issues/53942
    """

    code = "AMB008"
    severity = Severity.BLOCKER
    scope = Scope.CLUSTER
    inputs = frozenset({kinds.DEPLOYMENT})

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        planes = mesh.control_planes
        with_it = sorted({c.revision for c in planes if c.ambient})
        if not with_it:
            return
        for plane in planes:
            if plane.ambient is False:
                yield self.finding(
                    plane.resource,
                    f"Revision {plane.revision} of istiod has no ambient while {', '.join(with_it)} "
                    "has: its proxies take ambient pods for plain ones.",
                    fix=f"Move what follows revision {plane.revision} to {with_it[0]}, or enable "
                    "ambient on it.",
                    path=plane.container_path,
                )
