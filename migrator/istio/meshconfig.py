"""The mesh configuration, the control planes, and istio-cni's settings, as far as the source holds them.

Mirrors the places where Istio keeps them: ConfigMap `istio[-revision]` (key `mesh`), the Deployment of
istiod, ConfigMap `istio-cni-config` (manifests/charts/istio-cni/templates/configmap-cni.yaml), and the
installers' own resources (IstioOperator, sailoperator.io Istio).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from migrator.model.resource import Resource
from migrator.model.snapshot import Snapshot

from . import kinds
from . import labels as names
from .versions import Version, image_version

ROOT_NAMESPACE = "istio-system"
TRUST_DOMAIN = "cluster.local"


@dataclass(frozen=True, eq=False)
class MeshConfig:
    """The merged MeshConfig (istio.io/api mesh/v1alpha1/config.proto) and where it came from."""

    values: Mapping[str, Any] = field(default_factory=dict)
    sources: tuple[tuple[Resource, str], ...] = ()  # with the path of the MeshConfig in each

    @property
    def root_namespace(self) -> str:
        return self.values.get("rootNamespace") or ROOT_NAMESPACE

    @property
    def trust_domain(self) -> str:
        return self.values.get("trustDomain") or TRUST_DOMAIN

    def get(self, *keys: str) -> Any:
        """The value below `keys`, or None."""
        value: Any = self.values
        for key in keys:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value


@dataclass(frozen=True, eq=False)
class ControlPlane:
    """One istiod Deployment; `ambient` is None when its environment could not be read."""

    resource: Resource
    revision: str
    version: Version | None
    env: Mapping[str, str]

    @property
    def namespace(self) -> str:
        return self.resource.namespace

    @property
    def ambient(self) -> bool:
        return self.env.get("PILOT_ENABLE_AMBIENT", "").lower() == "true"


@dataclass(frozen=True, eq=False)
class CniConfig:
    """istio-cni's settings; Istio's defaults where the source holds no ConfigMap."""

    known: bool = False
    exclude_namespaces: frozenset[str] = frozenset({"kube-system"})
    enablement_selectors: tuple[Mapping[str, Any], ...] | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    source: Resource | None = None


def mesh_config(snapshot: Snapshot) -> MeshConfig:
    """All sources merged; a ConfigMap, which is what istiod reads, wins over an installer's resource."""
    merged: dict[str, Any] = {}
    sources = []
    for resource, path, values in _sources(snapshot):
        merged = _merge(merged, values)
        sources.append((resource, path))
    return MeshConfig(merged, tuple(sources))


def control_planes(snapshot: Snapshot) -> tuple[ControlPlane, ...]:
    """Deployments labelled `app: istiod`, ordered by namespace and name."""
    return tuple(
        _control_plane(resource)
        for resource in snapshot.of(kinds.DEPLOYMENT)
        if resource.labels.get("app") == "istiod"
        or resource.name == "istiod"
        or resource.name.startswith("istiod-")
    )


def cni_config(snapshot: Snapshot) -> CniConfig:
    """The ConfigMap `istio-cni-config`, wherever istio-cni is installed."""
    for resource in snapshot.of(kinds.CONFIG_MAP):
        if resource.name == "istio-cni-config":
            data = resource.body.get("data") or {}
            excluded = data.get("EXCLUDE_NAMESPACES", "kube-system")
            return CniConfig(
                known=True,
                exclude_namespaces=frozenset(n.strip() for n in excluded.split(",") if n.strip()),
                enablement_selectors=_selectors(data.get("AMBIENT_ENABLEMENT_SELECTOR", "")),
                settings=dict(data),
                source=resource,
            )
    return CniConfig()


def load_text(text: str) -> Any:
    """YAML in a ConfigMap's value; None where it is not YAML."""
    try:
        return yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError:
        return None


def _sources(snapshot: Snapshot) -> Iterator[tuple[Resource, str, Mapping[str, Any]]]:
    for kind in (kinds.SAIL_ISTIO, kinds.ISTIO_OPERATOR):
        for resource in snapshot.of(kind):
            values = resource.spec.get("values") or {}
            for path, found in (
                ("spec.values.meshConfig", values.get("meshConfig")),
                ("spec.meshConfig", resource.spec.get("meshConfig")),
            ):
                if isinstance(found, Mapping):
                    yield resource, path, found
    for resource in snapshot.of(kinds.CONFIG_MAP):
        if resource.name != "istio" and not resource.name.startswith("istio-"):
            continue
        data = load_text((resource.body.get("data") or {}).get("mesh", ""))
        if isinstance(data, Mapping):
            yield resource, "data.mesh", data


def _merge(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for key, value in over.items():
        known = merged.get(key)
        both = isinstance(known, Mapping) and isinstance(value, Mapping)
        merged[key] = _merge(dict(known or {}), value) if both else value
    return merged


def _control_plane(resource: Resource) -> ControlPlane:
    spec = (resource.spec.get("template") or {}).get("spec") or {}
    containers = spec.get("containers") or ()
    main = next((c for c in containers if c.get("name") == "discovery"), None) or (
        containers[0] if containers else {}
    )
    env = {e["name"]: e.get("value", "") for e in main.get("env") or () if "name" in e}
    revision = resource.labels.get(names.REVISION) or env.get("REVISION") or "default"
    return ControlPlane(resource, revision, image_version(main.get("image", "")), env)


def _selectors(text: str) -> tuple[Mapping[str, Any], ...] | None:
    data = load_text(text) if text else None
    if not isinstance(data, list):
        return None
    return tuple(one for one in data if isinstance(one, Mapping))
