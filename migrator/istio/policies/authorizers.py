"""The external authorizers that CUSTOM policies name, as the mesh configuration describes them.

Fields: istio.io/api mesh/v1alpha1/config.proto `extensionProviders` (`envoyExtAuthzHttp.service`,
`envoyExtAuthzGrpc.service`: `[namespace/]host`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrator.istio.loose import members, text

if TYPE_CHECKING:
    from migrator.istio.mesh import Mesh
    from migrator.istio.services import Service
    from migrator.model.resource import Resource

_KINDS = ("envoyExtAuthzHttp", "envoyExtAuthzGrpc")


def provider_of(policy: Resource) -> str:
    """The name of the provider that a CUSTOM policy asks."""
    return (policy.spec.get("provider") or {}).get("name") or ""


def service_of(mesh: Mesh, provider: str) -> Service | None:
    """The provider's Service, if the configuration describes it and the source holds the Service."""
    for _, one in members(mesh.config.values, "extensionProviders"):
        if text(one, "name") == provider:
            host = next(filter(None, (text(one, kind, "service") for kind in _KINDS)), "")
            return mesh.services.by_host(host.rpartition("/")[2])
    return None
