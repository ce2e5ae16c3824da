"""The mesh configuration, the control planes, and istio-cni's settings, as far as the source holds them.

Mirrors the places where Istio keeps them: ConfigMap `istio[-revision]` (key `mesh`), the Deployment of
istiod, ConfigMap `istio-cni-config` (manifests/charts/istio-cni/templates/configmap-cni.yaml), and the
installers' own resources (IstioOperator, sailoperator.io Istio).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from migrator.model.fieldpath import field as field_path
from migrator.model.resource import Resource
from migrator.model.snapshot import Snapshot

from . import kinds
from . import labels as names
from .selectors import is_selector
from .versions import Version, image_version
from .yamltext import dig, is_true, mapping, parse, value_of

ROOT_NAMESPACE = "istio-system"
TRUST_DOMAIN = "cluster.local"
DEFAULT_REVISION = "default"
_IN_TEXT = "data.mesh"
_SELECTORS = "AMBIENT_ENABLEMENT_SELECTOR"
_MAX_DEPTH = 20


class Layer(NamedTuple):
    """A MeshConfig as one resource holds it, at `path`."""

    resource: Resource
    path: str
    values: Mapping[str, Any]

    def path_of(self, *keys: str) -> str:
        """The path of a key in the resource; a ConfigMap holds the whole MeshConfig as one text."""
        return self.path if self.path == _IN_TEXT else f"{self.path}.{field_path(*keys)}"


@dataclass(frozen=True, eq=False)
class MeshConfig:
    """The merged MeshConfig (istio.io/api mesh/v1alpha1/config.proto) and where it came from."""

    values: Mapping[str, Any] = field(default_factory=dict)
    layers: tuple[Layer, ...] = ()  # the weakest first

    @property
    def sources(self) -> tuple[tuple[Resource, str], ...]:
        """Every resource that holds a part, with the path of the MeshConfig in it."""
        return tuple((layer.resource, layer.path) for layer in self.layers)

    @property
    def root_namespace(self) -> str:
        found = self.values.get("rootNamespace")
        return found if isinstance(found, str) and found else ROOT_NAMESPACE

    @property
    def trust_domain(self) -> str:
        found = self.values.get("trustDomain")
        return found if isinstance(found, str) and found else TRUST_DOMAIN

    def get(self, *keys: str) -> Any:
        """The value below `keys`, or None."""
        return dig(self.values, *keys)

    def where(self, *keys: str) -> tuple[Resource, str] | None:
        """The resource whose value of `keys` counts, and the path there."""
        for layer in reversed(self.layers):
            if dig(layer.values, *keys) is not None:
                return layer.resource, layer.path_of(*keys)
        return None


@dataclass(frozen=True, eq=False)
class ControlPlane:
    """One istiod Deployment."""

    resource: Resource
    revision: str
    version: Version | None
    env: Mapping[str, str]
    container_path: str
    env_complete: bool  # whether every variable stands in the manifest with its value

    @property
    def namespace(self) -> str:
        return self.resource.namespace

    @property
    def ambient(self) -> bool | None:
        """PILOT_ENABLE_AMBIENT; None where the variable may come from somewhere else."""
        if "PILOT_ENABLE_AMBIENT" in self.env:
            return is_true(self.env["PILOT_ENABLE_AMBIENT"])
        return False if self.env_complete else None


@dataclass(frozen=True, eq=False)
class CniConfig:
    """istio-cni's settings; Istio's defaults where the source holds no ConfigMap."""

    known: bool = False
    exclude_namespaces: frozenset[str] = frozenset({"kube-system"})
    enablement_selectors: tuple[Mapping[str, Any], ...] | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    source: Resource | None = None


def mesh_config(snapshot: Snapshot) -> MeshConfig:
    """All sources merged; a ConfigMap, which is what istiod reads, wins over an installer's resource.

    Of several revisions the default one wins: its istiod is the one that most workloads follow.
    """
    layers = tuple(_layers(snapshot))
    merged: dict[str, Any] = {}
    for layer in layers:
        merged = _merge(merged, layer.values, _MAX_DEPTH)
    return MeshConfig(merged, layers)


def control_planes(snapshot: Snapshot) -> tuple[ControlPlane, ...]:
    """The Deployments of istiod, ordered by namespace and name."""
    return tuple(_control_plane(r) for r in snapshot.of(kinds.DEPLOYMENT) if _is_istiod(r))


def cni_config(snapshot: Snapshot) -> CniConfig:
    """The ConfigMap `istio-cni-config`, wherever istio-cni is installed."""
    for resource in snapshot.of(kinds.CONFIG_MAP):
        data = resource.body.get("data")
        if resource.name == "istio-cni-config" and isinstance(data, Mapping):
            excluded = value_of(resource, "EXCLUDE_NAMESPACES").split(",")
            return CniConfig(
                known=True,
                exclude_namespaces=frozenset(n.strip() for n in excluded if n.strip())
                if "EXCLUDE_NAMESPACES" in data
                else CniConfig.exclude_namespaces,
                enablement_selectors=_selectors(value_of(resource, _SELECTORS))
                if _SELECTORS in data
                else None,
                settings={key: text for key, text in data.items() if isinstance(text, str)},
                source=resource,
            )
    return CniConfig()


def _layers(snapshot: Snapshot) -> Iterator[Layer]:
    for kind in (kinds.SAIL_ISTIO, kinds.ISTIO_OPERATOR):
        for resource in snapshot.of(kind):
            for path in (("values", "meshConfig"), ("meshConfig",)):
                found = dig(resource.spec, *path)
                if isinstance(found, Mapping):
                    yield Layer(resource, field_path("spec", *path), found)
    for resource in sorted(snapshot.of(kinds.CONFIG_MAP), key=lambda r: r.name == "istio"):
        if resource.name == "istio" or resource.name.startswith("istio-"):
            found = mapping(value_of(resource, "mesh"))
            if found:
                yield Layer(resource, _IN_TEXT, found)


def _merge(under: Mapping[str, Any], over: Mapping[str, Any], depth: int) -> dict[str, Any]:
    merged = dict(under)
    for key, value in over.items():
        known = merged.get(key)
        both = isinstance(known, Mapping) and isinstance(value, Mapping) and depth
        merged[key] = _merge(known or {}, value, depth - 1) if both else value
    return merged


def _is_istiod(resource: Resource) -> bool:
    if resource.labels.get("app") == "istiod" or resource.name == "istiod":
        return True
    return (
        resource.name.startswith("istiod-") and _discovery(resource)[1].get("name") == "discovery"
    )


def _discovery(resource: Resource) -> tuple[int, Mapping[str, Any]]:
    """The container of istiod, and its place in the list."""
    spec = (resource.spec.get("template") or {}).get("spec") or {}
    containers = list(spec.get("containers") or ())
    for index, container in enumerate(containers):
        if container.get("name") == "discovery":
            return index, container
    return 0, containers[0] if containers else {}


def _control_plane(resource: Resource) -> ControlPlane:
    index, main = _discovery(resource)
    variables = main.get("env") or ()
    env = {e["name"]: e.get("value", "") for e in variables if "name" in e and "valueFrom" not in e}
    switch_elsewhere = any(
        e.get("name") == "PILOT_ENABLE_AMBIENT" and "valueFrom" in e for e in variables
    )
    return ControlPlane(
        resource,
        resource.labels.get(names.REVISION) or env.get("REVISION") or DEFAULT_REVISION,
        image_version(main.get("image", "")),
        env,
        field_path("spec", "template", "spec", "containers", index),
        env_complete=bool(main) and not main.get("envFrom") and not switch_elsewhere,
    )


def _selectors(text: str) -> tuple[Mapping[str, Any], ...] | None:
    """EnablementSelectors (cni/pkg/util/enablement_selector.go); None where the text is none of them.

    A text that holds nothing is a list without selectors: istio-cni then enrols nobody.
    """
    found = parse(text) if text.strip() not in {"", "null"} else []
    if not isinstance(found, list):
        return None
    return tuple(
        one
        for one in found
        if isinstance(one, Mapping)
        and is_selector(one.get("podSelector") or {})
        and is_selector(one.get("namespaceSelector") or {})
    )
