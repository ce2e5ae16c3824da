"""What becomes of policies by identity at a workload, once its callers come through a waypoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from migrator.istio import kinds
from migrator.istio.policies.authz import action_of, is_dry_run
from migrator.istio.policies.identity_rules import (
    IdentityUse,
    identity_uses,
    matches,
    names_waypoint,
)
from migrator.model.finding import Effect

from .fronts import Front, fronts, principal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.istio.mesh import Mesh
    from migrator.istio.policies.effective import Effective

_REFUSED = (Effect.CLOSED, "the calls that it permits are refused")
_ADMITTED = (Effect.WIDER, "whoever comes through the waypoint is permitted")
_PASSES = (Effect.OPEN, "those whom it denies pass under the waypoint's name")
_DENIED = (Effect.WIDER, "every call through the waypoint is denied")
# By action, whether the field is negated, and whether it meets the waypoint.
_CHANGES = {
    ("ALLOW", False, False): _REFUSED,
    ("ALLOW", False, True): _ADMITTED,
    ("ALLOW", True, False): _ADMITTED,
    ("ALLOW", True, True): _REFUSED,
    ("DENY", False, False): _PASSES,
    ("DENY", False, True): _DENIED,
    ("DENY", True, False): _DENIED,
    ("DENY", True, True): _PASSES,
}


class Change(NamedTuple):
    """A field about the caller that means something else behind the waypoint `principal`."""

    use: IdentityUse
    principal: str
    effect: Effect
    then: str

    @property
    def shown(self) -> str:
        return ("not " if self.use.negated else "") + ", ".join(self.use.values)


def all_changes(mesh: Mesh, effective: Effective) -> Iterator[tuple[Front, Change]]:
    """The changes behind every waypoint in front of its workloads."""
    if any(True for _ in identity_uses(effective.policy)):
        for front in fronts(mesh, effective.apps):
            for change in changes(mesh, effective, front):
                yield front, change


def changes(mesh: Mesh, effective: Effective, front: Front) -> Iterator[Change]:
    """The fields of the policy that change their meaning behind `front`, the first of each rule.

    None where the workloads already admit the waypoint's identity by name: then somebody saw to it.
    """
    policy, evaluation, _ = effective
    uses = tuple(identity_uses(policy)) if evaluation.action in {"ALLOW", "DENY"} else ()
    if not uses or _is_adapted(mesh, effective, front):
        return
    identity = principal(mesh, front.gateway)
    seen: set[tuple[int, bool]] = set()
    for use in uses:
        meets = matches(use, policy, identity)
        is_namespace = use.name == "namespaces"
        if (meets and not is_namespace) or (use.rule, is_namespace) in seen:
            continue  # by wildcard it means any caller with an identity, then as now
        seen.add((use.rule, is_namespace))
        effect, then = _CHANGES[evaluation.action, use.negated, meets]
        yield Change(use, identity, effect, then)


def _is_adapted(mesh: Mesh, effective: Effective, front: Front) -> bool:
    """Whether the DENY exempts the waypoint, or each workload has an ALLOW that names it."""
    policy, evaluation, apps = effective
    identity = principal(mesh, front.gateway)
    if evaluation.action == "DENY":
        return names_waypoint(policy, identity)
    behind = {w.ref for w in mesh.services.workloads(front.service)}
    return all(
        any(
            action_of(other) == "ALLOW"
            and not is_dry_run(other)
            and names_waypoint(other, identity)
            for other in mesh.attachments.on_workload(kinds.AUTHORIZATION_POLICY, app)
        )
        for app in apps
        if app.ref in behind
    )
