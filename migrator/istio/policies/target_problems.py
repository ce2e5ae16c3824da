"""Why a policy with `targetRefs` acts on nothing.

Mirrors `WaypointPolicyStatusCollection` of istio/istio pilot/pkg/serviceregistry/ambient/policies.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from migrator.istio import kinds
from migrator.istio import labels as names

from .targets import Target, targets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.istio.mesh import Mesh
    from migrator.model.resource import Resource


class Problem(NamedTuple):
    """A target that the policy does not reach, and why, as the end of a sentence."""

    target: Target
    why: str


def problems(mesh: Mesh, policy: Resource) -> Iterator[Problem]:
    """Targets that certainly get nothing.

    That an object is missing is certain only where the source holds others of its kind in the
    namespace; else the source may simply not contain them.
    """
    for target in targets(policy):
        why = _why(mesh, policy, target)
        if why:
            yield Problem(target, why)


def _why(mesh: Mesh, policy: Resource, target: Target) -> str:
    match target.ref.group_kind:
        case kinds.GATEWAY_CLASS:
            return _class(mesh, policy, target)
        case kinds.GATEWAY:
            if target.ref.namespace != policy.namespace:
                return (
                    f"it is in {target.ref.namespace}, and only the policy's own namespace counts"
                )
            return _missing(mesh, target)
        case kinds.SERVICE:
            return _missing(mesh, target) or _unbound(mesh, target)
        case _:
            return ""


def _class(mesh: Mesh, policy: Resource, target: Target) -> str:
    root = mesh.config.root_namespace
    if target.ref.name == names.WAYPOINT_CLASS and policy.namespace != root:
        return f"a GatewayClass can be targeted only from the root namespace {root}"
    return ""


def _missing(mesh: Mesh, target: Target) -> str:
    known = mesh.snapshot.get(target.ref) is not None
    others = target.ref.namespace in mesh.namespaces_with(target.ref.group_kind)
    return "" if known or not others else f"there is no such {target.ref.kind} in the namespace"


def _unbound(mesh: Mesh, target: Target) -> str:
    service = mesh.services.get(target.ref)
    if service is None or mesh.waypoints.bound_to(service).gateway is not None:
        return ""
    return "it is bound to no waypoint"
