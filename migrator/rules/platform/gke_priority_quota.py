"""AMB032, GKE without a quota for critical pods where the agents are."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.nodes import by_version
from migrator.istio.platform import CNI_AGENT, ZTUNNEL, agents, is_from_cluster
from migrator.istio.yamltext import dig
from migrator.model.finding import Finding, Scope, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule

_CLASS, _HOME = "system-node-critical", "kube-system"


class GkePriorityQuota(Rule):
    """On GKE the namespace of Istio's agents has no quota for pods of class `system-node-critical`.

    ## Why
    GKE admits such pods outside kube-system only where a ResourceQuota names their priority class. The
    DaemonSets of istio-cni and ztunnel create no pods without it.

    ## Fix
    Install with `global.platform=gke`, which brings the ResourceQuota, or create one.

    ## References
    - istio/istio manifests/helm-profiles/platform-gke.yaml
    - https://istio.io/latest/docs/ambient/install/platform-prerequisites/
    """

    code = "AMB032"
    severity = Severity.BLOCKER
    scope = Scope.CLUSTER
    inputs = frozenset({kinds.NODE, kinds.DAEMON_SET, kinds.RESOURCE_QUOTA})

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        quotas = [one for one in mesh.of(kinds.RESOURCE_QUOTA) if is_from_cluster(one)]
        shown = any(quota.namespace == _HOME for quota in quotas)
        admitted = {_HOME, *(quota.namespace for quota in quotas if _is_for_critical(quota))}
        nodes = by_version(mesh, "-gke.")
        for agent in (*agents(mesh, CNI_AGENT), *agents(mesh, ZTUNNEL)):
            if nodes and shown and agent.namespace not in admitted:
                yield self.finding(
                    agent,
                    f"The nodes are GKE's, and namespace {agent.namespace} has no ResourceQuota for "
                    f"{_CLASS}: {agent.name} may create no pods.",
                    fix="Install it with global.platform=gke.",
                    path="metadata.namespace",
                )


def _is_for_critical(quota: Resource) -> bool:
    terms = dig(quota.spec, "scopeSelector", "matchExpressions")
    return isinstance(terms, list) and any(_CLASS in _values(term) for term in terms)


def _values(term: object) -> list[object]:
    found = dig(term, "values")
    return found if isinstance(found, list) else []
