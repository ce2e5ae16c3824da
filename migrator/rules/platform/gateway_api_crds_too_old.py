"""AMB005, Gateway API CRDs below the versions that istiod watches."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.versions import Version, parse_version
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Scope, Severity
from migrator.rules.base import Rule

_BUNDLE = "gateway.networking.k8s.io/bundle-version"
_SINCE = Version(1, 31)
_MINIMA = {
    "grpcroutes.gateway.networking.k8s.io": (Version(1, 1), kinds.GRPC_ROUTE),
    "backendtlspolicies.gateway.networking.k8s.io": (Version(1, 4), None),
    "tlsroutes.gateway.networking.k8s.io": (Version(1, 5), kinds.TLS_ROUTE),
    "tcproutes.gateway.networking.k8s.io": (Version(1, 6), kinds.TCP_ROUTE),
}


class GatewayApiCrdsTooOld(Rule):
    """A CRD of the Gateway API is older than the version from which istiod watches its kind.

    ## Why
    Since 1.31 istiod skips such a kind without an error: routes of it look accepted in Git and act on
    nothing, at gateways and at waypoints.

    ## Fix
    Upgrade the CRDs to the bundle that the release notes of your Istio name.

    ## References
    - istio/istio pkg/config/schema/gatewayapi/minimumversions.go
    - https://istio.io/latest/docs/reference/config/analysis/ist0176/
    """

    code = "AMB005"
    severity = Severity.BLOCKER
    scope = Scope.CLUSTER
    inputs = frozenset(
        {kinds.CRD, kinds.DEPLOYMENT, kinds.GRPC_ROUTE, kinds.TLS_ROUTE, kinds.TCP_ROUTE}
    )

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        if mesh.istio_version < _SINCE:
            return
        routes_of = {kind: mesh.of(kind) for _, kind in _MINIMA.values() if kind}
        for crd in mesh.of(kinds.CRD):
            minimum, kind = _MINIMA.get(crd.name, (None, None))
            version = parse_version(crd.annotations.get(_BUNDLE, ""))
            if minimum is None or version is None or version >= minimum:
                continue
            routes = routes_of.get(kind, ()) if kind else ()
            yield self.finding(
                crd,
                f"{crd.name} has bundle version {version}; Istio {mesh.istio_version} does not watch "
                f"it below {minimum}. Objects of it in the source: {len(routes)}.",
                fix=f"Upgrade the Gateway API CRDs to {minimum} or newer.",
                path=field("metadata", "annotations", _BUNDLE),
                severity=Severity.BLOCKER if routes else Severity.WARNING,
                affects=routes,
            )
