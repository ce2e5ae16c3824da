"""AMB131, a namespace where a waypoint's pods are refused."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.mesh import Mesh
from migrator.istio.traffic.fronts import Front, front_of
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Remedy, Scope, Severity
from migrator.rules.base import Rule


class PsaRestrictedWaypoint(Rule):
    """A namespace that gets a waypoint enforces the Pod Security level `restricted`.

    ## Why
    A waypoint's pod has no `seccompProfile` unless the mesh's values set one, and `restricted` refuses
    such pods. A Service that is bound to a waypoint without pods cannot be reached.

    ## Fix
    Give the waypoint a seccomp profile by the `parametersRef` of its Gateway (Istio 1.26 or later), as
    `migrate plan` does, or set `gateways.seccompProfile` in the values of istiod.

    ## References
    - istio/istio manifests/charts/istio-control/istio-discovery/files/waypoint.yaml
    - https://kubernetes.io/docs/concepts/security/pod-security-standards/
    """

    code = "AMB131"
    severity = Severity.BLOCKER
    remedy = Remedy.AUTOMATIC
    scope = Scope.NAMESPACE
    inputs = kinds.WAYPOINT_REASONS | {kinds.GATEWAY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        gateways = {r.ref: r for r in mesh.of(kinds.GATEWAY)}
        fronts: dict[str, list[Front]] = {}
        for service in mesh.services.all:
            if front := front_of(mesh, service):
                fronts.setdefault(front.gateway.namespace, []).append(front)
        for name, namespace in mesh.namespaces.items():
            if (
                namespace.resource is None
                or namespace.labels.get(names.PSA_ENFORCE) != "restricted"
            ):
                continue
            plain = [
                f
                for f in fronts.get(name, ())
                if not (
                    (gateway := gateways.get(f.gateway))
                    and (gateway.spec.get("infrastructure") or {}).get("parametersRef")
                )
            ]
            if plain:
                services = ", ".join(sorted({f.service.name for f in plain}))
                yield self.finding(
                    namespace.resource,
                    f"This namespace enforces `restricted`, and the waypoint for {services} has no "
                    "seccomp profile: its pods would be refused.",
                    fix="Give the waypoint seccompProfile RuntimeDefault by its parametersRef; `migrate "
                    "plan` does.",
                    path=field("metadata", "labels", names.PSA_ENFORCE),
                    affects=[f.service.ref for f in plain],
                )
