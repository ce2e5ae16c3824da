"""Copies bound to Services of resources whose meaning does not depend on the selector's form."""

from collections.abc import Sequence
from typing import Any

from migrator.model.resource import Resource

from .manifest import manifest

MAX_TARGET_REFS = 16  # istio.io/api type/v1beta1/selector.proto and its users: MaxItems=16


def service_ref(name: str) -> dict[str, str]:
    """A `targetRefs` entry for a Service of the policy's own namespace."""
    return {"group": "", "kind": "Service", "name": name}


def chunks(services: Sequence[str]) -> tuple[list[dict[str, str]], ...]:
    """The services as lists of target references, none longer than the API allows."""
    ordered = sorted(services)
    return tuple(
        [service_ref(name) for name in ordered[start : start + MAX_TARGET_REFS]]
        for start in range(0, len(ordered), MAX_TARGET_REFS)
    )


def bound_copies(
    resource: Resource, services: Sequence[str], namespace: str
) -> tuple[dict[str, Any], ...]:
    """Copies of a Telemetry, WasmPlugin or TrafficExtension, bound to the Services."""
    spec = {key: value for key, value in resource.spec.items() if key != "selector"}
    return tuple(
        manifest(
            resource.ref.group_kind,
            namespace,
            f"{resource.name}-waypoint",
            spec={"targetRefs": refs, **spec},
        )
        for refs in chunks(services)
    )
