"""AMB517, a waypoint with one pod."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.mesh import Mesh
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.model.resource import Ref, Resource
from migrator.rules.base import Rule

_DEFAULTS = "gateway.istio.io/defaults-for-class"


class WaypointSingleReplica(Rule):
    """A waypoint has one replica: its Services are away whenever that pod restarts.

    ## Why
    istiod makes a waypoint with one replica. A drained node, an upgrade of istiod or a changed template
    restarts it, and nobody reaches the Services behind in the meantime.

    ## Fix
    Give the Gateway options (`infrastructure.parametersRef`, from Istio 1.26) with an autoscaler of two
    replicas and a PodDisruptionBudget; waypoints of `migrate plan` have them.

    ## References
    - istio/istio pilot/pkg/config/kube/gatewaycommon/deploymentcontroller.go
    - istio/istio manifests/charts/istio-control/istio-discovery/files/waypoint.yaml
    """

    code = "AMB517"
    severity = Severity.WARNING
    inputs = kinds.WORKLOADS - {kinds.NAMESPACE} | {kinds.GATEWAY, kinds.HPA, kinds.CONFIG_MAP}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        scaled = {_target(scaler) for scaler in mesh.of(kinds.HPA)}
        for gateway in mesh.waypoints.gateways:
            made = Ref(*kinds.DEPLOYMENT, gateway.namespace, gateway.name)
            pods = mesh.workload(made)
            more = made in scaled or (pods is not None and (pods.replicas or 1) > 1)
            if more or _has_options(mesh, gateway):
                continue
            yield self.finding(
                gateway,
                "Nothing asks for more than the one replica that istiod gives a waypoint: its "
                "Services are away whenever that pod restarts.",
                fix="Give it options with an autoscaler of two replicas and a PodDisruptionBudget.",
                path=field("spec", "gatewayClassName"),
                callers=["ambient"],
            )


def _target(scaler: Resource) -> Ref:
    """What it scales, in the source or not: istiod makes a waypoint's Deployment, no file does."""
    named = scaler.spec.get("scaleTargetRef") or {}
    group = (named.get("apiVersion") or "").rpartition("/")[0]
    return Ref(group, named.get("kind") or "", scaler.namespace, named.get("name") or "")


def _has_options(mesh: Mesh, gateway: Resource) -> bool:
    """Whether options of its own, or of its class, may scale it; what they say is not read."""
    return bool((gateway.spec.get("infrastructure") or {}).get("parametersRef")) or any(
        one.labels.get(_DEFAULTS) == names.WAYPOINT_CLASS for one in mesh.of(kinds.CONFIG_MAP)
    )
