"""The common head of every object that the migration creates."""

from collections.abc import Mapping
from typing import Any

from migrator.model.resource import GroupKind

MANAGED_BY = {"app.kubernetes.io/managed-by": "migrate"}
_VERSIONS = {
    "security.istio.io": "v1",
    "networking.istio.io": "v1",
    "extensions.istio.io": "v1alpha1",
    "telemetry.istio.io": "v1",
    "gateway.networking.k8s.io": "v1",
    "networking.k8s.io": "v1",
    "": "v1",
}
_NAME_LIMIT = 253


def manifest(
    kind: GroupKind, namespace: str, name: str, **body: Mapping[str, Any]
) -> dict[str, Any]:
    """An object with our label on it; `labels`, `annotations` and the other keywords fill it."""
    labels = {**MANAGED_BY, **body.pop("labels", {})}
    annotations = body.pop("annotations", {})
    version = _VERSIONS[kind.group]
    return {
        "apiVersion": f"{kind.group}/{version}" if kind.group else version,
        "kind": kind.kind,
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": labels,
            **({"annotations": dict(annotations)} if annotations else {}),
        },
        **{key: dict(value) for key, value in body.items()},
    }


def fresh_name(wanted: str, taken: set[str]) -> str:
    """`wanted`, or `wanted-2`, `wanted-3`…; the name is added to `taken`."""
    base, name, number = wanted[: _NAME_LIMIT - 4], wanted[:_NAME_LIMIT], 2
    while name in taken:
        name, number = f"{base}-{number}", number + 1
    taken.add(name)
    return name
