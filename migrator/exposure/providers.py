"""External authorizers of CUSTOM policies: which of them istiod can use, and where.

Mirrors `buildHTTP` and `buildTCP` of istio/istio pilot/pkg/security/authz/builder/builder.go.
"""

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from migrator.istio.mesh import Mesh
from migrator.istio.policies.authz import action_of
from migrator.model.resource import Resource

_SEVERAL = "PILOT_ENABLE_MULTIPLE_CUSTOM_AUTHZ_PROVIDERS"
_HTTP = "envoyExtAuthzHttp"
_KINDS = (_HTTP, "envoyExtAuthzGrpc")


class Providers:
    """Those of one mesh. Without its configuration in the source each is taken to be there."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh

    @cached_property
    def _known(self) -> dict[str, dict[str, Any]] | None:
        found = self._mesh.config.get("extensionProviders")
        if not self._mesh.config.sources:
            return None
        listed = found if isinstance(found, list) else []
        return {
            str(one.get("name")): one
            for one in listed
            if isinstance(one, dict) and any(kind in one for kind in _KINDS)
        }

    @cached_property
    def _may_be_several(self) -> bool:
        planes = self._mesh.control_planes
        return bool(planes) and all(one.env.get(_SEVERAL) == "true" for one in planes)

    def unusable(self, policies: Iterable[Resource]) -> frozenset[str]:
        """The providers that cannot be asked at an enforcer that has these policies."""
        named = {_provider(p) for p in policies if action_of(p) == "CUSTOM"}
        if len(named) > 1 and not self._may_be_several:
            return frozenset(named)
        return frozenset() if self._known is None else frozenset(named - self._known.keys())

    def on_tcp(self, policies: tuple[Resource, ...]) -> tuple[Resource, ...]:
        """Without the CUSTOM policies that a proxy passes over where it reads no requests."""
        unusable, known = self.unusable(policies), self._known or {}
        return tuple(
            p
            for p in policies
            if action_of(p) != "CUSTOM"
            or _provider(p) in unusable
            or _HTTP not in known.get(_provider(p), {})
        )


def _provider(policy: Resource) -> str:
    return (policy.spec.get("provider") or {}).get("name") or ""
