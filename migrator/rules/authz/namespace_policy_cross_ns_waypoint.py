"""AMB112, a policy by the caller's namespace behind a waypoint of another namespace."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.policies.identity_rules import identity_uses
from migrator.istio.traffic.behind_waypoint import all_changes
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule


class NamespacePolicyCrossNsWaypoint(Rule):
    """A policy names its callers' namespaces, and their calls will come from the waypoint's namespace.

    ## Why
    A waypoint calls with its own identity, and with its own namespace. Behind a waypoint that lives
    elsewhere, `namespaces` is compared with that namespace, whoever called.

    ## Fix
    Judge the callers' namespaces at the waypoint and allow the waypoint's identity at the workload, as
    `migrate plan` does; or give the namespace a waypoint of its own.

    ## References
    - istio/istio pilot/pkg/serviceregistry/ambient/authorization.go
    - https://istio.io/latest/docs/ambient/usage/waypoint/#usewaypointnamespace
    """

    code = "AMB112"
    severity = Severity.BLOCKER
    remedy = Remedy.AUTOMATIC
    inputs = kinds.WAYPOINT_REASONS

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for effective in mesh.enforced:
            if all(use.name != "namespaces" for use in identity_uses(effective.policy)):
                continue
            paths: set[str] = set()
            for front, change in all_changes(mesh, effective):
                at_home = front.gateway.namespace == front.service.namespace
                use = change.use
                if use.path in paths or use.name != "namespaces" or at_home:
                    continue
                paths.add(use.path)
                yield self.finding(
                    effective.policy,
                    f"Rule {use.rule} names namespaces {change.shown}, and "
                    f"{front.service.name} is called by its waypoint in "
                    f"{front.gateway.namespace}: {change.then}.",
                    fix=f"Judge namespaces at the waypoint and allow {change.principal} at the "
                    "workload; `migrate plan` does both.",
                    path=use.path,
                    affects=effective.apps,
                    callers=["ambient"],
                    effect=change.effect,
                )
