"""AMB033, OpenShift without its values."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.platform import INSTALLERS, installers
from migrator.istio.yamltext import dig, is_true
from migrator.model.finding import Finding, Scope, Severity
from migrator.rules.base import Rule

_NODE_LABEL = "node.openshift.io/os_id"


class OpenshiftValues(Rule):
    """Istio is installed on OpenShift without the values of that platform.

    ## Why
    OpenShift's CNI is Multus: a plugin in the chain of another one is never called, so pods are not
    captured. The agents also need the SELinux type `spc_t`, and folders of their own.

    ## Fix
    Install istio-cni, istiod and ztunnel with `global.platform=openshift`, and set `routingViaHost:
    true` for OVN-Kubernetes.

    ## References
    - istio/istio manifests/helm-profiles/platform-openshift.yaml
    - https://istio.io/latest/docs/ambient/install/platform-prerequisites/
    """

    code = "AMB033"
    severity = Severity.BLOCKER
    scope = Scope.CLUSTER
    inputs = INSTALLERS | {kinds.NODE, kinds.CONFIG_MAP}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        nodes = [node.name for node in mesh.of(kinds.NODE) if _NODE_LABEL in node.labels]
        cni, chained = mesh.cni.source, mesh.cni.settings.get("CHAINED_CNI_PLUGIN")
        found = [
            (one, "spec.values", f"Profile {profile} has no global.platform")
            for one, profile in installers(mesh)
            if one.ref.kind == "IstioOperator"
            and "openshift" not in profile
            and dig(one.spec, "values", "global", "platform") != "openshift"
        ]
        if cni and chained is not None and is_true(chained):
            found.append((cni, "data.CHAINED_CNI_PLUGIN", "istio-cni joins another plugin's chain"))
        for resource, path, what in found if nodes else ():
            yield self.finding(
                resource,
                f"Node {nodes[0]} is OpenShift's. {what}: pods would not be captured.",
                fix="Install all components with global.platform=openshift.",
                path=path,
            )
