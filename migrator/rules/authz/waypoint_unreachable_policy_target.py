"""AMB116, a policy whose target gets nothing."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.policies.target_problems import problems
from migrator.model.finding import Effect, Finding, Severity
from migrator.rules.base import Rule


class WaypointUnreachablePolicyTarget(Rule):
    """A policy names a target that no waypoint enforces it for.

    ## Why
    A policy with `targetRefs` is read by waypoints and gateways only. If its target does not exist, is
    in another namespace, or is bound to no waypoint, nobody enforces it. Only AuthorizationPolicies get
    a status that says so (`WaypointAccepted`).

    ## Fix
    Correct the reference, or bind the Service to a waypoint, and read `WaypointAccepted` afterwards.

    ## References
    - istio/istio pilot/pkg/serviceregistry/ambient/policies.go (`WaypointPolicyStatusCollection`)
    - istio/istio pilot/pkg/model/policyattachment.go
    """

    code = "AMB116"
    severity = Severity.BLOCKER
    inputs = (
        kinds.WORKLOADS
        | kinds.CONFIG_SOURCES
        | frozenset(
            {kinds.AUTHORIZATION_POLICY, kinds.REQUEST_AUTHENTICATION, kinds.SERVICE, kinds.GATEWAY}
        )
    )

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for kind in (kinds.AUTHORIZATION_POLICY, kinds.REQUEST_AUTHENTICATION):
            for policy in mesh.of(kind):
                for (ref, path), why in problems(mesh, policy):
                    service = mesh.services.get(ref)
                    yield self.finding(
                        policy,
                        f"This policy targets {ref.kind} {ref.name}: {why}. Nobody enforces it there.",
                        fix=f"Bind {ref.name} to a waypoint, or correct the reference."
                        if service
                        else "Correct the reference.",
                        path=path,
                        affects=mesh.services.workloads(service) if service else (),
                        effect=Effect.IGNORED,
                    )
