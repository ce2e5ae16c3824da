"""AMB403, a patch for a waypoint that does not find it."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.mesh import Mesh
from migrator.istio.policies.targets import Target, targets
from migrator.istio.versions import Version
from migrator.model.finding import Effect, Finding, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule

_CLASS_SINCE = Version(1, 28)


class EnvoyfilterTargetrefNamespace(Rule):
    """An EnvoyFilter has `targetRefs` that istiod does not look up.

    ## Why
    istiod looks for a waypoint's EnvoyFilters in the root namespace and in the waypoint's own, and
    compares only Gateways there, and in the root namespace the GatewayClass (from 1.28 on). A Service as
    target is accepted by the schema and matches no proxy.

    ## Fix
    Put the filter into the waypoint's namespace with the waypoint's Gateway as target, or into the root
    namespace with GatewayClass `istio-waypoint`.

    ## References
    - istio/istio pilot/pkg/model/push_context.go (`getMatchedEnvoyFilters`)
    - istio/istio releasenotes/notes/58032.yaml
    """

    code = "AMB403"
    severity = Severity.BLOCKER
    inputs = kinds.CONFIG_SOURCES | {kinds.ENVOY_FILTER, kinds.DEPLOYMENT}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for filter_ in mesh.of(kinds.ENVOY_FILTER):
            for target in targets(filter_):
                why = _why(mesh, filter_, target)
                if why:
                    yield self.finding(
                        filter_,
                        f"This EnvoyFilter targets {target.ref.kind} {target.ref.name}: {why}. It "
                        "patches nothing.",
                        fix="Target the waypoint's Gateway, from its own namespace.",
                        path=target.path,
                        effect=Effect.IGNORED,
                    )


def _why(mesh: Mesh, filter_: Resource, target: Target) -> str:
    root = mesh.config.root_namespace
    match target.ref.group_kind:
        case kinds.SERVICE | kinds.SERVICE_ENTRY:
            return (
                "istiod compares only Gateways and the GatewayClass of waypoints with EnvoyFilters"
            )
        case kinds.GATEWAY if target.ref.namespace != filter_.namespace:
            return f"it is in {target.ref.namespace}, and only the filter's own namespace counts"
        case kinds.GATEWAY_CLASS if target.ref.name == names.WAYPOINT_CLASS:
            if filter_.namespace != root:
                return f"a GatewayClass can be targeted only from the root namespace {root}"
            if mesh.istio_version < _CLASS_SINCE:
                return f"Istio {mesh.istio_version} does not look it up, 1.28 does"
    return ""
