"""RequestAuthentication for waypoints."""

from collections.abc import Sequence
from typing import Any

from migrator.model.resource import Resource

from .manifest import manifest
from .target_refs import chunks


def copies_for_services(
    policy: Resource, services: Sequence[str], namespace: str
) -> tuple[dict[str, Any], ...]:
    """Copies bound to the Services, which pass the token on.

    A waypoint that validates a token removes it unless `forwardOriginalToken` is set; the server's
    sidecar validates it a second time until it is gone (pilot/pkg/security/authn/policy_applier.go).
    """
    rules = [{**rule, "forwardOriginalToken": True} for rule in policy.spec.get("jwtRules") or ()]
    return tuple(
        manifest(
            policy.ref.group_kind,
            namespace,
            f"{policy.name}-waypoint",
            spec={"targetRefs": refs, **({"jwtRules": rules} if rules else {})},
        )
        for refs in chunks(services)
    )


def settled(copy: dict[str, Any], policy: Resource) -> dict[str, Any]:
    """The spec of `copy` with each rule's own `forwardOriginalToken` again: for after the last sidecar."""
    rules = list(policy.spec.get("jwtRules") or ())
    return {**copy["spec"], **({"jwtRules": rules} if rules else {})}
