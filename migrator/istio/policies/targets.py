"""The objects that a policy names in `targetRefs`.

Mirrors `GetTargetRefs` and `matchesGroupKind` of istio/istio pilot/pkg/model/policyattachment.go.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from migrator.istio import kinds
from migrator.model.resource import GroupKind, Ref, Resource


class Target(NamedTuple):
    """One target: the object, and the path of the reference in the policy."""

    ref: Ref
    path: str


def target_refs(policy: Resource) -> tuple[Mapping[str, Any], ...]:
    """`targetRefs`, else the older `targetRef` as the only one."""
    many, one = policy.spec.get("targetRefs"), policy.spec.get("targetRef")
    return tuple(many) if many else ((one,) if one else ())


def targets(policy: Resource) -> tuple[Target, ...]:
    """The targets, each with the namespace where istiod looks for it: the policy's own.

    A namespace in the reference is accepted by the schema; a Service target ignores it, a Gateway
    target with another one matches nothing, so it is kept for those.
    """
    several = bool(policy.spec.get("targetRefs"))
    found = []
    for i, target in enumerate(target_refs(policy)):
        group = target.get("group") or ""
        kind = GroupKind("" if group == "core" else group, target.get("kind") or "")
        namespace = policy.namespace
        if kind == kinds.GATEWAY_CLASS:
            namespace = ""
        elif kind == kinds.GATEWAY:
            namespace = target.get("namespace") or policy.namespace
        path = f"spec.targetRefs[{i}]" if several else "spec.targetRef"
        found.append(Target(Ref(*kind, namespace, target.get("name") or ""), path))
    return tuple(found)
