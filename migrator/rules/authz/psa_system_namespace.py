"""AMB132, a namespace where ztunnel's and istio-cni's pods are refused."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.mesh import Mesh
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Scope, Severity
from migrator.rules.base import Rule

_AGENTS = {"ztunnel", "istio-cni-node"}


class PsaSystemNamespace(Rule):
    """The namespace for ztunnel and istio-cni enforces a Pod Security level that refuses their pods.

    ## Why
    Both need host paths and the capabilities NET_ADMIN and SYS_ADMIN. `baseline` and `restricted` allow
    neither, so that no node gets its agent and pods are captured without a ztunnel.

    ## Fix
    Label the namespace `pod-security.kubernetes.io/enforce: privileged`, or install both elsewhere.

    ## References
    - istio/istio manifests/charts/istio-cni/templates/daemonset.yaml
    - istio/istio manifests/charts/ztunnel/templates/daemonset.yaml
    """

    code = "AMB132"
    severity = Severity.BLOCKER
    scope = Scope.CLUSTER
    inputs = kinds.INJECTION

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        homes = {r.namespace for r in mesh.of(kinds.DAEMON_SET) if r.name in _AGENTS}
        for name in sorted(homes or {mesh.config.root_namespace}):
            namespace = mesh.namespace(name)
            level = namespace.labels.get(names.PSA_ENFORCE, "privileged")
            if namespace.resource is not None and level != "privileged" and mesh.meshed:
                yield self.finding(
                    namespace.resource,
                    f"This namespace enforces `{level}`, and the pods of ztunnel and istio-cni need host "
                    "paths and capabilities that it refuses.",
                    fix="Enforce `privileged` here, or install ztunnel and istio-cni elsewhere.",
                    path=field("metadata", "labels", names.PSA_ENFORCE),
                )
