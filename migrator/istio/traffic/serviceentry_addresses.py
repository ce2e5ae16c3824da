"""Which ServiceEntries ztunnel can recognise by address, and why it cannot others.

ztunnel knows a destination by its address alone. Mirrors `serviceEntriesInfo` in istio/istio
pilot/pkg/serviceregistry/ambient/services.go and `ShouldV2AutoAllocateIP` in
pilot/pkg/networking/serviceentry/ip_autoallocation.go.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from migrator.istio import kinds
from migrator.istio.versions import Version
from migrator.model.resource import Resource

from .dns_capture import allocated_hosts, why_captured

if TYPE_CHECKING:
    from migrator.istio.mesh import Mesh

_ALLOCATED_BY_DEFAULT = Version(1, 25)
_ALLOCATION = "PILOT_ENABLE_IP_AUTOALLOCATE"


class Unaddressed(NamedTuple):
    """A ServiceEntry that names no address; `why` ambient gives it none, empty where it gives one."""

    entry: Resource
    why: str

    @property
    def message(self) -> str:
        hosts = ", ".join(self.entry.spec.get("hosts") or ())
        about = f"{hosts} ({resolution(self.entry)}) has no address of its own"
        if self.why:
            return (
                f"{about}, and ambient gives it none: {self.why}. Calls of ambient pods to it pass "
                "ztunnel as calls to an unknown address."
            )
        return f"{about}: in ambient it gets one of 240.240.0.0/16, which pods see in DNS."

    @property
    def fix(self) -> str:
        if self.why:
            return "Switch allocation and DNS capture on, or write addresses."
        return "Nothing to do, unless somebody depends on the addresses that DNS gives today."


def resolution(entry: Resource) -> str:
    """Its resolution; `NONE` is the default (istio.io/api networking/v1alpha3/service_entry.proto)."""
    return str(entry.spec.get("resolution") or "NONE")


def said_version(mesh: "Mesh") -> str:
    """The version for a message, marked where nobody named it."""
    return f"Istio {mesh.istio_version}" + (" (assumed)" if mesh.version_is_assumed else "")


def without_address(mesh: "Mesh", *resolutions: str) -> Iterator[Unaddressed]:
    """Those of these resolutions that name no address."""
    for entry in mesh.of(kinds.SERVICE_ENTRY) if mesh.meshed else ():
        exact = any(not host.startswith("*") for host in entry.spec.get("hosts") or ())
        if exact and resolution(entry) in resolutions and not entry.spec.get("addresses"):
            yield Unaddressed(entry, _why_none(mesh, entry))


def _why_none(mesh: "Mesh", entry: Resource) -> str:
    if not allocated_hosts(entry):
        return "its label networking.istio.io/enable-autoallocate-ip opts out"
    settings = {plane.env[_ALLOCATION] for plane in mesh.control_planes if _ALLOCATION in plane.env}
    if any(value.lower() != "true" for value in settings):
        return f"istiod has {_ALLOCATION} off"
    if not settings and mesh.istio_version < _ALLOCATED_BY_DEFAULT:
        return f"{said_version(mesh)} gives none by itself"
    return "" if why_captured(mesh) else "istio-cni has DNS capture off, so no pod learns of it"
