"""Which texts of a manifest may be kept: lists of names, and fragments of commands and values.

Everything else that a person may have put a secret into is replaced by the empty text, so that a
snapshot can be handed to others. Positions in lists stay.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from . import yaml_reader
from .text import BadDocument

_PROXY_CONFIG = "proxy.istio.io/config"
_ISTIO_ENV = re.compile(r"(?:PILOT|AMBIENT|ISTIO|ENABLE|ZTUNNEL)_[A-Z0-9_]+\Z")
_ISTIO_ENV_NAMES = frozenset(
    {
        "ALLOW_ALL_NAMESPACES", "CA_ADDR", "CA_ADDRESS", "CA_PROVIDER", "CA_TRUSTED_NODE_ACCOUNTS",
        "CHAINED_CNI_PLUGIN", "CLOUD_PLATFORM", "CLUSTER_ID", "CREDENTIAL_SOCKET_PATH",
        "DISABLE_HBONE_SEND", "ENVOY_ADMIN_API", "EXCLUDE_NAMESPACES",
        "EXIT_ON_ZERO_ACTIVE_CONNECTIONS", "EXTERNAL_CA", "EXTERNAL_ISTIOD", "GRPC_XDS_BOOTSTRAP",
        "GRPC_XDS_EXPERIMENTAL_SECURITY_SUPPORT", "INBOUND_INTERCEPTION_MODE", "INPOD_ENABLED",
        "INJECTION_WEBHOOK_CONFIG_NAME", "MINIMUM_DRAIN_DURATION", "NATIVE_NFTABLES", "NETWORK",
        "OUTPUT_CERTS", "PLATFORM", "PROXY_CONFIG", "REPAIR_ENABLED", "REVISION", "SCUTTLE_LOGGING",
        "START_WITH_ISTIO", "TERMINATION_DRAIN_DURATION_SECONDS", "TRUSTED_GATEWAY_CIDR",
        "TRUST_DOMAIN", "VALIDATION_WEBHOOK_CONFIG_NAME", "WAIT_FOR_ENVOY_TIMEOUT",
        "WORKLOAD_SOCKET_PATH", "XDS_ADDRESS",
    }
)  # fmt: skip
_MAY_BE_SECRET = re.compile(r"KEY|PASS|SECRET|TOKEN|CRED|AUTH_|_AUTH|CERT_DATA|PWD")
_ADMIN = re.compile(r"(?:localhost|127\.0\.0\.1):150(?:00|04|20|21|90)[/\w-]*")
_TOKENS = re.compile(
    r"(?<![\w-])(?:proxy|router|quitquitquit|pilot-agent|pilot-discovery|discovery|iptables|pkill"
    r"|envoy|kubectl|exec|istio-proxy|istio-init|istioctl|scuttle|waypoint|sidecar|ztunnel"
    r"|tcpdump|nsenter)(?![\w-])|/healthz/ready|(?::\d+)?/quitquitquit"
)
_ANNOTATION_PREFIXES = (
    "helm.sh/", "meta.helm.sh/", "argocd.argoproj.io/", "kustomize.toolkit.fluxcd.io/",
    "helm.toolkit.fluxcd.io/", "prometheus.io/", "vpc.amazonaws.com/", "ignore-check.migrate/",
    "k8s.v1.cni.cncf.io/", "admission.datadoghq.com/", "linkerd.io/", "consul.hashicorp.com/",
    "cluster-autoscaler.kubernetes.io/", "cloud.google.com/", "networking.gke.io/",
    "service.beta.kubernetes.io/", "kubernetes.io/ingress.",
)  # fmt: skip
_ANNOTATIONS = frozenset(
    {
        "nginx.ingress.kubernetes.io/service-upstream", "deployment.kubernetes.io/revision",
        "nginx.ingress.kubernetes.io/upstream-vhost", "cni.projectcalico.org/hostports",
        "kubectl.kubernetes.io/restartedAt", "kubernetes.io/config.source", "app.kubernetes.io/managed-by",
        "batch.kubernetes.io/cronjob-scheduled-timestamp",
    }
)  # fmt: skip
_ISTIO_DOMAIN = re.compile(r"(?:[a-z0-9-]+\.)*istio\.io/")
_GATEWAY_DOMAIN = re.compile(r"gateway\.(?:[a-z0-9-]+\.)*[a-z0-9-]+/")
_CREDENTIALS = re.compile(r"://[^/\s]*@")


def fragments(text: str) -> str:
    """What rules look for in a command or value, in order; all else is left out."""
    found = [*((m.start(), m[0]) for m in _ADMIN.finditer(text))]
    found += [(m.start(), m[0]) for m in _TOKENS.finditer(_ADMIN.sub(_blank, text))]
    return " ".join(part for _, part in sorted(found))


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])


def command(parts: Sequence[str]) -> list[str]:
    """A command or its arguments, each reduced to its fragments."""
    return [fragments(part) for part in parts]


def keeps_env(name: str, value: str) -> bool:
    """Whether `name` is a switch of Istio's, and its value holds no credentials."""
    if _MAY_BE_SECRET.search(name) or _CREDENTIALS.search(value):
        return False
    return name in _ISTIO_ENV_NAMES or _ISTIO_ENV.match(name) is not None


def env_value(name: str, value: str) -> str:
    """The value of a switch of Istio's; of others only addresses of a sidecar's own ports."""
    return value if keeps_env(name, value) else " ".join(_ADMIN.findall(value))


def env_mapping(found: Mapping[str, Any]) -> dict[str, str]:
    """`proxyMetadata`, and `env` where a chart has it as a mapping."""
    return {name: env_value(name, _text(value)) for name, value in found.items()}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@lru_cache(maxsize=4096)
def keeps_annotation(key: str) -> bool:
    """Whether Istio, an owner (Helm, Argo CD, Flux) or a rule reads the annotation `key`."""
    return (
        _ISTIO_DOMAIN.match(key) is not None
        or key.startswith(_ANNOTATION_PREFIXES)
        or key in _ANNOTATIONS
        or _GATEWAY_DOMAIN.match(key) is not None
    )


def annotations(found: Mapping[str, str]) -> dict[str, str]:
    """What is kept of the annotations, proxy settings with their environment redacted."""
    kept = {key: value for key, value in found.items() if keeps_annotation(key)}
    if isinstance(config := kept.get(_PROXY_CONFIG), str):
        kept[_PROXY_CONFIG] = settings(config)
    return kept


def settings(text: str) -> str:
    """Proxy or mesh settings as text, the values of `proxyMetadata` redacted wherever it stands."""
    if "proxyMetadata" not in text:
        return text
    try:
        value = yaml_reader.parse(text.encode()).value
    except BadDocument:
        return ""
    return msgspec.json.encode(_with_redacted_metadata(value)).decode()


def _with_redacted_metadata(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {
        key: env_mapping(one)
        if key == "proxyMetadata" and isinstance(one, dict)
        else _with_redacted_metadata(one)
        for key, one in value.items()
    }
