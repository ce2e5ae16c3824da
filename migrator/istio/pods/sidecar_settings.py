"""What a pod template asks of its sidecar by annotation, read as pilot's injector reads it.

`proxy.istio.io/config` holds a ProxyConfig as YAML over the mesh's `defaultConfig`
(pkg/kube/inject/webhook.go); entries of its `proxyMetadata` become environment variables of the proxy.
"""

from collections.abc import Mapping
from typing import Any

from migrator.istio import labels as names
from migrator.istio.meshconfig import MeshConfig
from migrator.istio.workloads import Workload
from migrator.istio.yamltext import mapping

TEMPLATES = names.TEMPLATES
STOCK_TEMPLATES = frozenset({"sidecar", "gateway", "grpc-agent", "grpc-simple"})


def proxy_config(workload: Workload) -> Mapping[str, Any]:
    """The ProxyConfig of the template's annotation; empty when there is none, or none that parses."""
    text = workload.annotations.get(names.PROXY_CONFIG)
    return mapping(text) if text else {}


def proxy_metadata(workload: Workload, mesh: MeshConfig) -> Mapping[str, str]:
    """The proxy's environment from `proxyMetadata`: the mesh's, overlaid by the template's."""
    default = mesh.get("defaultConfig", "proxyMetadata") or {}
    return {**{key: _text(value) for key, value in default.items()}, **own_metadata(workload)}


def own_metadata(workload: Workload) -> Mapping[str, str]:
    """The part of `proxyMetadata` that the template itself sets."""
    own = proxy_config(workload).get("proxyMetadata")
    return {str(key): _text(value) for key, value in own.items()} if isinstance(own, dict) else {}


def templates(workload: Workload) -> tuple[str, ...]:
    """The injection templates that the pod template asks for by name."""
    asked = workload.annotations.get(TEMPLATES, "").split(",")
    return tuple(name.strip() for name in asked if name.strip())


def is_injected_pod(workload: Workload) -> bool:
    """Whether what we read is a running pod that the webhook has already changed."""
    return not workload.template_path and names.SIDECAR_STATUS in workload.annotations


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
