"""The mesh configuration of the snapshot, laid over that of the throw-away cluster."""

from typing import Any

import yaml

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.meshconfig import ROOT_NAMESPACE, TRUST_DOMAIN
from migrator.model.resource import Ref
from migrator.ports import Cluster

_TARGET = Ref(*kinds.CONFIG_MAP, ROOT_NAMESPACE, "istio")
# What decides about calls; addresses of other things in the cluster are its own
_KEPT = ("extensionProviders", "trustDomainAliases", "outboundTrafficPolicy", "pathNormalization")


def configure(cluster: Cluster, mesh: Mesh) -> None:
    """Istiod sees the change by itself."""
    wanted = {key: mesh.config.get(key) for key in _KEPT if mesh.config.get(key) is not None}
    live = cluster.get(_TARGET)
    if not wanted or live is None:
        return
    now: dict[str, Any] = yaml.safe_load(live.get("data", {}).get("mesh") or "") or {}
    text = yaml.safe_dump({**now, **wanted}, sort_keys=True)
    cluster.patch(_TARGET, {"data": {"mesh": text}})


def differences(mesh: Mesh) -> tuple[str, ...]:
    """What of the configuration is not carried over, in words."""
    left = sorted(mesh.config.values.keys() - {*_KEPT, "rootNamespace"})
    said = [f"of the mesh configuration: {', '.join(left)}"] if left else []
    if mesh.config.trust_domain != TRUST_DOMAIN:
        said.append(f"the trust domain {mesh.config.trust_domain}: there it is {TRUST_DOMAIN}")
    return tuple(said)
