"""AMB707, progressive delivery by Istio's routes."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.loose import texts
from migrator.istio.mesh import Mesh
from migrator.istio.progressive import virtual_services
from migrator.istio.traffic.routing import MESH, is_for_mesh
from migrator.istio.yamltext import dig
from migrator.model.finding import Finding, Severity
from migrator.model.resource import GroupKind, Ref, Resource
from migrator.rules.base import Rule

_TARGETS = {"Deployment": kinds.DEPLOYMENT, "DaemonSet": kinds.DAEMON_SET}


class ArgoRolloutsFlagger(Rule):
    """A controller of progressive delivery shifts a workload's traffic with Istio's own routes.

    ## Why
    It writes weights into a VirtualService (and subsets into a DestinationRule), which sidecars of
    callers apply today. Ambient callers apply none: without a waypoint the canary gets its share of
    traffic by its number of pods, and an HTTPRoute cannot name subsets. Routes of gateways only go on.

    ## Fix
    Change the controller to the Gateway API (Argo Rollouts' plugin, Flagger's provider
    `gatewayapi:v1`) with one Service for each version, or leave the workload with its sidecar.

    ## References
    - https://rollouts-plugin-trafficrouter-gatewayapi.readthedocs.io/
    - https://docs.flagger.app/tutorials/gatewayapi-progressive-delivery
    """

    code = "AMB707"
    severity = Severity.BLOCKER
    inputs = kinds.MESHED | {kinds.FLAGGER_CANARY, kinds.VIRTUAL_SERVICE}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        meshed = {workload.ref for workload in mesh.meshed}
        for rollout in mesh.of(kinds.ROLLOUT):
            if rollout.ref in meshed and _routes_in_mesh(mesh, rollout):
                yield self.finding(
                    rollout,
                    f"{rollout.ref} shifts its canary's traffic with a VirtualService, which ambient "
                    "callers do not apply.",
                    fix="Change the Rollout to the Gateway API plugin before its callers move.",
                    path="spec.strategy.canary.trafficRouting.istio",
                    affects=[rollout],
                )
        for canary in mesh.of(kinds.FLAGGER_CANARY):
            target = dig(canary.spec, "targetRef") or {}
            kind: GroupKind | None = _TARGETS.get(str(target.get("kind")))
            gateways = texts(canary.spec, "service", "gateways") or (MESH,)
            if kind is None or canary.spec.get("provider") != "istio" or MESH not in gateways:
                continue
            ref = Ref(*kind, canary.namespace, str(target.get("name")))
            if ref in meshed:
                yield self.finding(
                    canary,
                    f"{canary.ref} shifts the traffic of {ref} with a VirtualService, which ambient "
                    "callers do not apply.",
                    fix="Change the Canary to provider gatewayapi:v1 before its callers move.",
                    path="spec.provider",
                    affects=[ref],
                )


def _routes_in_mesh(mesh: Mesh, rollout: Resource) -> bool:
    """Whether callers' sidecars apply its VirtualServices; one that is not in the source may be so."""
    named = virtual_services(rollout)
    if named is None:
        return False
    routes = [mesh.snapshot.get(ref) for ref in named]
    return not routes or any(route is None or is_for_mesh(route) for route in routes)
