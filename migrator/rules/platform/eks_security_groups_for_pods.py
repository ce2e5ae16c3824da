"""AMB035, pods with a network interface of their own on EKS."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.ownership import named
from migrator.istio.pods.probes import probes
from migrator.istio.selectors import selects
from migrator.istio.versions import Version
from migrator.istio.workloads import Workload
from migrator.model.finding import Finding, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule

_MENDED = (Version(1, 29, 6), Version(1, 30))


class EksSecurityGroupsForPods(Rule):
    """A SecurityGroupPolicy gives probed pods of the mesh an interface of their own.

    ## Why
    In ambient the kubelet's probes come from 169.254.7.127. The answer of a pod with a branch interface
    leaves by that interface and never reaches the kubelet: the pod is restarted without end.

    ## Fix
    Set `POD_SECURITY_GROUP_ENFORCING_MODE=standard` in the VPC CNI, or probe by exec. From 1.29.6 and
    1.30 on set `AMBIENT_ENABLE_AWS_BRANCH_ENI_PROBE` in istio-cni.

    ## References
    - https://istio.io/latest/docs/ambient/install/platform-prerequisites/
    - https://docs.aws.amazon.com/eks/latest/userguide/security-groups-for-pods.html
    """

    code = "AMB035"
    severity = Severity.BLOCKER
    inputs = kinds.MESHED | {kinds.SECURITY_GROUP_POLICY, kinds.SERVICE_ACCOUNT}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        accounts = {(a.namespace, a.name): a.labels for a in mesh.of(kinds.SERVICE_ACCOUNT)}
        old = not any(v[:2] == mesh.istio_version[:2] and v <= mesh.istio_version for v in _MENDED)
        old = old and mesh.istio_version < _MENDED[-1]
        for policy in mesh.of(kinds.SECURITY_GROUP_POLICY):
            hit = [
                w
                for w in mesh.meshed_in(policy.namespace)
                if _covers(policy, w, accounts.get((w.namespace, w.service_account)))
                and any(probe.over_network for probe in probes(w))
            ]
            if hit:
                yield self.finding(
                    policy,
                    f"{policy.ref} gives the probed pods of {named(hit)} an interface of their "
                    f"own: in ambient of Istio {mesh.istio_version} the kubelet gets no answer.",
                    fix="Set POD_SECURITY_GROUP_ENFORCING_MODE=standard in the VPC CNI, or probe by exec.",
                    severity=Severity.BLOCKER if old else Severity.WARNING,
                    affects=hit,
                )


def _covers(policy: Resource, workload: Workload, account: object) -> bool:
    pods, accounts = policy.spec.get("podSelector"), policy.spec.get("serviceAccountSelector")
    if accounts and (not isinstance(account, dict) or not selects(accounts, account)):
        return False
    return bool(pods or accounts) and selects(pods, workload.labels)
