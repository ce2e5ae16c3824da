"""What an EnvoyFilter patches, and in which proxies.

Mirrors `convertToEnvoyFilterWrapper` and `proxyMatch` of istio/istio pilot/pkg/model/envoyfilter.go, and
`getMatchedEnvoyFilters` of push_context.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from migrator.istio import kinds
from migrator.istio.policies.targets import target_refs
from migrator.model.fieldpath import field

if TYPE_CHECKING:
    from migrator.istio.mesh import Mesh
    from migrator.istio.versions import Version
    from migrator.istio.workloads import Workload
    from migrator.model.resource import Resource

_SIDECAR = frozenset({"ANY", "SIDECAR_INBOUND", "SIDECAR_OUTBOUND"})
_VERSION = re.compile(r"\^?(\d+)\\?\.(\d+)(?!\d)")
_ROUTES = frozenset({"HTTP_ROUTE", "VIRTUAL_HOST", "ROUTE_CONFIGURATION"})


class Patch(NamedTuple):
    """One of `configPatches`, with the context that it has where none is written."""

    path: str
    apply_to: str
    context: str
    value: Mapping[str, Any]

    @property
    def on_sidecars(self) -> bool:
        return self.context in _SIDECAR

    @property
    def on_routes(self) -> bool:
        return self.apply_to in _ROUTES

    @property
    def said(self) -> str:
        return f"{self.apply_to or '(nothing named)'} in context {self.context}"


def patches(resource: Resource, version: Version | None) -> Iterator[Patch]:
    """The patches that can match a proxy of `version`; None: any version."""
    for i, patch in enumerate(resource.spec.get("configPatches") or ()):
        match = patch.get("match") or {}
        wanted = (match.get("proxy") or {}).get("proxyVersion") or ""
        if version is not None and not _may_match(wanted, version):
            continue
        yield Patch(
            field("spec", "configPatches", i),
            patch.get("applyTo") or "",
            match.get("context") or "ANY",
            (patch.get("patch") or {}).get("value") or {},
        )


class Patched(NamedTuple):
    """An EnvoyFilter without target, its patches of sidecars, and the workloads that lose them."""

    resource: Resource
    patches: tuple[Patch, ...]
    apps: tuple[Workload, ...]


def on_sidecars(mesh: Mesh) -> Iterator[Patched]:
    """The EnvoyFilters that patch sidecars of workloads to be moved."""
    version = None if mesh.version_is_assumed else mesh.istio_version
    for resource in mesh.of(kinds.ENVOY_FILTER):
        apps = () if target_refs(resource) else mesh.attachments.apps_of(resource)
        found = tuple(p for p in patches(resource, version) if p.on_sidecars) if apps else ()
        if found:
            yield Patched(resource, found, apps)


def first_naming(found: Iterable[Patch], words: re.Pattern[str]) -> tuple[Patch, str] | None:
    """The first patch with `words` in its value, and the text found."""
    for patch in found:
        if text := mentions(patch.value, words):
            return patch, text
    return None


def mentions(value: Any, words: re.Pattern[str]) -> str:
    """The first text anywhere in `value` that `words` finds, by key order; empty where there is none."""
    waiting = [value]
    while waiting:
        at = waiting.pop(0)
        if isinstance(at, str):
            if found := words.search(at):
                return found[0]
        elif isinstance(at, Mapping):
            waiting += at.values()
        elif isinstance(at, list | tuple):
            waiting += at
    return ""


def _may_match(pattern: str, version: Version) -> bool:
    r"""Only patterns that begin with `major.minor` are judged; others are taken to match.

    `^1\\.3.*` also matches 1.30: what the pattern begins with is a prefix.
    """
    named = _VERSION.match(pattern)
    return named is None or str(version).startswith(f"{named[1]}.{named[2]}")
