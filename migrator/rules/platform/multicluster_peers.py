"""AMB025, other clusters in the same mesh."""

from collections.abc import Iterator, Mapping

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.platform import installers
from migrator.istio.workloads import Role
from migrator.istio.yamltext import dig, mapping, value_of
from migrator.model.finding import Finding, Scope, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule

_EAST_WEST = "istio-east-west"
_OLD_LABEL = ("istio", "eastwestgateway")


class MulticlusterPeers(Rule):
    """Other clusters belong to the same mesh.

    ## Why
    A mesh of several networks needs another kind of east-west gateway in ambient, and calls between a
    sidecar in one cluster and an ambient server in another do not work across networks. On one network
    nobody tests the mix.

    ## Fix
    Plan the clusters together: ambient in istiod of all of them, `AMBIENT_ENABLE_MULTI_NETWORK`, a
    Gateway of class istio-east-west, services with `istio.io/global: "true"`, and waypoints of the same
    name and namespace in every cluster.

    ## References
    - https://istio.io/latest/docs/ambient/install/multicluster/
    - https://github.com/istio/istio/issues/57878
    """

    code = "AMB025"
    severity = Severity.WARNING
    scope = Scope.CLUSTER
    inputs = kinds.WORKLOADS - kinds.NAMESPACES | kinds.CONFIG_SOURCES | {kinds.GATEWAY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for resource, path, what in (*_gateways(mesh), *_networks(mesh)):
            yield self.finding(
                resource,
                f"{what}: this cluster is not alone in its mesh.",
                fix="Plan all clusters of the mesh together; this plan knows of one only.",
                path=path,
            )


def _gateways(mesh: Mesh) -> Iterator[tuple[Resource, str, str]]:
    key, value = _OLD_LABEL
    for workload in mesh.workloads:
        if workload.role is Role.GATEWAY and workload.labels.get(key) == value:
            path = workload.path("metadata", "labels", key)
            yield workload.resource, path, f"{workload.ref} is a gateway between networks"
    for gateway in mesh.of(kinds.GATEWAY):
        if gateway.spec.get("gatewayClassName") == _EAST_WEST:
            yield gateway, "spec.gatewayClassName", f"{gateway.ref} is a gateway between networks"


def _networks(mesh: Mesh) -> Iterator[tuple[Resource, str, str]]:
    named = [
        (one, "spec.values.global.meshNetworks", dig(one.spec, "values", "global", "meshNetworks"))
        for one, _ in installers(mesh)
    ]
    for one in mesh.of(kinds.CONFIG_MAP):
        networks = mapping(value_of(one, "meshNetworks")).get("networks")
        named.append((one, "data.meshNetworks", networks))
    for resource, path, networks in named:
        if isinstance(networks, Mapping) and networks:
            yield resource, path, f"The networks {', '.join(sorted(networks))} are named"
