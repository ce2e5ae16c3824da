"""DNS in ambient: whether ztunnel answers it, and for which hosts with addresses of its own.

Mirrors pilot/pkg/networking/serviceentry/ip_autoallocation.go and the default of
manifests/charts/istio-cni/values.yaml (`ambient.dnsCapture`, on since 1.25).
"""

from typing import TYPE_CHECKING

from migrator.istio.versions import Version
from migrator.model.resource import Resource

if TYPE_CHECKING:
    from migrator.istio.mesh import Mesh

_CAPTURE_BY_DEFAULT = Version(1, 25)
_OPT_OUT = "networking.istio.io/enable-autoallocate-ip"


def why_captured(mesh: "Mesh") -> str:
    """Why ambient pods have their DNS captured, in words; empty when they have not."""
    setting = mesh.cni.settings.get("AMBIENT_DNS_CAPTURE")
    if setting is not None:
        return "istio-cni has DNS capture on" if setting.lower() == "true" else ""
    if mesh.istio_version < _CAPTURE_BY_DEFAULT:
        return ""
    assumed = ", which is assumed" if mesh.version_is_assumed else ""
    return f"the default since Istio 1.25; this is {mesh.istio_version}{assumed}"


def allocated_hosts(entry: Resource) -> tuple[str, ...]:
    """The hosts of a ServiceEntry to which istiod gives an address, because nobody else did."""
    resolution = entry.spec.get("resolution", "NONE")
    opted_out = entry.labels.get(_OPT_OUT, "").lower() == "false"
    if resolution == "NONE" or opted_out or entry.spec.get("addresses"):
        return ()
    return tuple(host for host in entry.spec.get("hosts") or () if not host.startswith("*"))
