"""AMB034, a distribution with CNI folders of its own."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.nodes import by_version
from migrator.istio.platform import CNI_AGENT, agents
from migrator.istio.yamltext import dig
from migrator.model.finding import Finding, Scope, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule

_ELSEWHERE = {
    "cni-bin-dir": ("/opt/cni/bin", "cniBinDir"),
    "cni-net-dir": ("/etc/cni/net.d", "cniConfDir"),
}


class K3sK3dMicrok8sMinikubeValues(Rule):
    """istio-cni is installed into folders that the kubelet of K3s does not read.

    ## Why
    K3s and its kin keep CNI plugins and their configuration in folders of their own. A plugin in the
    usual folders is never called: new pods are not captured, without any error.

    ## Fix
    Install istio-cni with `global.platform=k3s` (k3d, microk8s, minikube alike).

    ## References
    - istio/istio manifests/helm-profiles/platform-k3s.yaml
    - https://istio.io/latest/docs/ambient/install/platform-prerequisites/
    """

    code = "AMB034"
    severity = Severity.BLOCKER
    scope = Scope.CLUSTER
    inputs = frozenset({kinds.NODE, kinds.DAEMON_SET})

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        nodes = by_version(mesh, "+k3s")
        for agent in agents(mesh, CNI_AGENT):
            for path, folder, value in _usual(agent) if nodes else ():
                yield self.finding(
                    agent,
                    f"Node {nodes[0].name} runs K3s, which does not read {folder}, where {agent.name} "
                    "installs.",
                    fix=f"Install istio-cni with global.platform=k3s (or k3d), which sets {value}.",
                    path=path,
                )


def _usual(agent: Resource) -> Iterator[tuple[str, str, str]]:
    """The volumes in folders that only other distributions read."""
    for index, volume in enumerate(dig(agent.spec, "template", "spec", "volumes") or ()):
        usual, value = _ELSEWHERE.get(volume.get("name", ""), ("", ""))
        if usual and dig(volume, "hostPath", "path") == usual:
            yield f"spec.template.spec.volumes[{index}].hostPath.path", usual, value
