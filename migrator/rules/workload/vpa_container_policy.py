"""AMB353, advice about the size of a sidecar."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.pods.autoscaling import target
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule


class VpaContainerPolicy(Rule):
    """A VerticalPodAutoscaler has a policy for the container `istio-proxy`.

    ## Why
    Ambient pods have no such container: the policy says nothing any more.

    ## Fix
    Remove the policy once the workload has moved.

    ## References
    - https://kubernetes.io/docs/concepts/workloads/autoscaling/vertical-pod-autoscale/
    """

    code = "AMB353"
    severity = Severity.INFO
    remedy = Remedy.NONE
    inputs = kinds.MESHED | {kinds.VPA}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        meshed = set(mesh.meshed)
        for scaler in mesh.of(kinds.VPA):
            workload = target(mesh, scaler)
            policies = (scaler.spec.get("resourcePolicy") or {}).get("containerPolicies") or ()
            for i, policy in enumerate(policies):
                if policy.get("containerName") == "istio-proxy" and workload in meshed:
                    yield self.finding(
                        scaler,
                        f"{scaler.ref} has a policy for the container istio-proxy, which ambient pods "
                        "do not have.",
                        fix="Remove the policy once the workload has moved.",
                        path=field("spec", "resourcePolicy", "containerPolicies", i),
                        affects=[scaler if workload is None else workload],
                    )
