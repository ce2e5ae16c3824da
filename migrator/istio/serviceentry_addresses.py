"""Which ServiceEntries ztunnel can recognise by address, and why it cannot others.

ztunnel knows a destination by its address alone. Mirrors `serviceEntriesInfo` in istio/istio
pilot/pkg/serviceregistry/ambient/services.go and `ShouldV2AutoAllocateIP` in
pilot/pkg/networking/serviceentry/ip_autoallocation.go.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from migrator.model.resource import Resource

from . import kinds
from .dns_capture import allocated_hosts, why_captured
from .versions import Version

if TYPE_CHECKING:
    from .mesh import Mesh

_ALLOCATED_BY_DEFAULT = Version(1, 25)
_ALLOCATION = "PILOT_ENABLE_IP_AUTOALLOCATE"


def resolution(entry: Resource) -> str:
    """Its resolution; `NONE` is the default (istio.io/api networking/v1alpha3/service_entry.proto)."""
    return str(entry.spec.get("resolution") or "NONE")


def said_version(mesh: "Mesh") -> str:
    """The version for a message, marked where nobody named it."""
    return f"Istio {mesh.istio_version}" + (" (assumed)" if mesh.version_is_assumed else "")


def without_address(mesh: "Mesh", *resolutions: str) -> Iterator[tuple[Resource, str]]:
    """(entry, why it gets no address in ambient) of those that name none; empty where it gets one."""
    for entry in mesh.of(kinds.SERVICE_ENTRY) if mesh.meshed else ():
        exact = any(not host.startswith("*") for host in entry.spec.get("hosts") or ())
        if exact and resolution(entry) in resolutions and not entry.spec.get("addresses"):
            yield entry, _why_none(mesh, entry)


def _why_none(mesh: "Mesh", entry: Resource) -> str:
    if not allocated_hosts(entry):
        return "its label networking.istio.io/enable-autoallocate-ip opts out"
    settings = {plane.env[_ALLOCATION] for plane in mesh.control_planes if _ALLOCATION in plane.env}
    if any(value.lower() != "true" for value in settings):
        return f"istiod has {_ALLOCATION} off"
    if not settings and mesh.istio_version < _ALLOCATED_BY_DEFAULT:
        return f"{said_version(mesh)} gives none by itself"
    return "" if why_captured(mesh) else "istio-cni has DNS capture off, so no pod learns of it"
