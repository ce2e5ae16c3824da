"""AMB325, a gRPC application that takes its configuration from istiod itself."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.pods.sidecar_settings import templates
from migrator.istio.workloads import Role
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule

_AGENTS = frozenset({"grpc-agent", "grpc-simple"})


class ProxylessGrpc(Rule):
    """A workload is injected with the gRPC agent: its application is its own proxy.

    ## Why
    gRPC libraries know no HBONE, and call ambient servers in plain text. As an ambient pod the
    application would wait for the agent that is no longer there.

    ## Fix
    Let the application use plain gRPC (`dns:///` instead of `xds:///`), and a waypoint where requests
    must be routed or authorized.

    ## References
    - istio/istio manifests/charts/istio-control/istio-discovery/files/grpc-agent.yaml
    - istio/istio pilot/pkg/xds/endpoints/endpoint_builder.go
    """

    code = "AMB325"
    severity = Severity.BLOCKER
    inputs = kinds.MESHED

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for workload in mesh.workloads:
            agents = _AGENTS.intersection(templates(workload))
            if not agents or workload.role is not Role.APP:
                continue
            if not mesh.injection(workload).injected:
                continue
            yield self.finding(
                workload.resource,
                f"{workload.ref} is injected with {', '.join(sorted(agents))}: its gRPC library calls "
                "ambient servers in plain text, and would wait for its agent in ambient.",
                fix="Use plain gRPC in the application, and a waypoint for what xDS configured.",
                path=workload.path("metadata", "annotations", "inject.istio.io/templates"),
                affects=[workload],
            )
