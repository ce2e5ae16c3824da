"""AMB002, ztunnel or istio-cni of another version than istiod."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.platform import CNI_AGENT, ZTUNNEL, agents, image_of
from migrator.istio.versions import Version
from migrator.model.finding import Finding, Scope, Severity
from migrator.rules.base import Rule


class ComponentVersionSkew(Rule):
    """A node agent's minor version is newer than an istiod, or more than one behind it.

    ## Why
    Istio supports agents one minor version behind their istiod, and none ahead of it. An old ztunnel
    also misreads what it does not know: before 1.29 it enforces policies that are meant as a dry run.

    ## Fix
    Bring istiod, istio-cni and ztunnel to one version before the first workload moves.

    ## References
    - https://istio.io/latest/docs/ambient/upgrade/helm/
    - istio/istio pilot/pkg/features/ambient.go (`AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY`)
    """

    code = "AMB002"
    severity = Severity.WARNING
    scope = Scope.CLUSTER
    inputs = frozenset({kinds.DEPLOYMENT, kinds.DAEMON_SET})

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        planes = [c.version for c in mesh.control_planes if c.version]
        for name in (CNI_AGENT, ZTUNNEL):
            for agent in agents(mesh, name):
                path, version = image_of(agent)
                apart = [plane for plane in planes if version and _apart(version, plane)]
                if apart:
                    others = " and ".join(str(plane) for plane in sorted(set(apart)))
                    yield self.finding(
                        agent,
                        f"DaemonSet {agent.name} has version {version}, istiod {others}: agents may "
                        "be one minor version behind istiod, and none ahead.",
                        fix="Bring istiod, istio-cni and ztunnel to one version, istiod first.",
                        path=path,
                    )


def _apart(agent: Version, istiod: Version) -> bool:
    behind = istiod.minor - agent.minor
    return agent.major != istiod.major or behind > 1 or behind < 0
