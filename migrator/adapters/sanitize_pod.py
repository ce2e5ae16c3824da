"""What the tool keeps of pod specs: what rules read, in an allow-list.

The same lists serve templates and running pods, so that a bare pod is a workload like any other.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from . import redact

_SPEC = (
    "hostNetwork", "hostPID", "hostIPC", "nodeName", "nodeSelector", "serviceAccountName",
    "automountServiceAccountToken", "dnsPolicy", "dnsConfig", "hostAliases", "securityContext",
    "terminationGracePeriodSeconds", "restartPolicy", "shareProcessNamespace", "priorityClassName",
    "runtimeClassName", "os", "readinessGates", "tolerations", "affinity", "overhead",
    "topologySpreadConstraints", "activeDeadlineSeconds", "schedulerName",
)  # fmt: skip
_CONTAINER = (
    "name", "image", "ports", "resources", "securityContext", "restartPolicy", "volumeMounts",
)  # fmt: skip
_CONTAINERS = ("initContainers", "containers")
_COMMANDS = ("command", "args")
_PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
_NUMBERED = "kube-api-access-"  # every pod has one, each with another suffix
_VOLUME = (
    "name", "emptyDir", "hostPath", "csi", "projected", "persistentVolumeClaim", "ephemeral",
    "downwardAPI",
)  # fmt: skip


def is_pod_spec(value: Mapping[str, Any]) -> bool:
    """Whether a mapping, wherever it stands, lists containers."""
    found = value.get("containers")
    return isinstance(found, list) and any(
        isinstance(one, dict) and ("image" in one or "env" in one) for one in found
    )


def pod_spec(spec: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: spec[key] for key in _SPEC if spec.get(key) is not None}
    if "serviceAccountName" not in kept and spec.get("serviceAccount"):
        kept["serviceAccountName"] = spec["serviceAccount"]  # the old name of the same field
    for key in _CONTAINERS:
        if spec.get(key):
            kept[key] = [_container(one) for one in spec[key]]
    if volumes := [one for one in spec.get("volumes") or () if not _is_numbered(one)]:
        kept["volumes"] = [_volume(one) for one in volumes]
    return kept


def _is_numbered(found: Mapping[str, Any]) -> bool:
    return str(found.get("name", "")).startswith(_NUMBERED)


def _volume(volume: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: volume[key] for key in _VOLUME if volume.get(key) is not None}
    for key in ("configMap", "secret"):
        if key in volume:
            kept[key] = {}  # which kind it is; not whose
    return kept


def _container(container: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: container[key] for key in _CONTAINER if container.get(key) is not None}
    for key in _COMMANDS:
        if container.get(key):
            kept[key] = redact.command(container[key])
    for key in _PROBES:
        if container.get(key):
            kept[key] = _handler(container[key])
    if container.get("lifecycle"):
        kept["lifecycle"] = {
            key: _handler(one) for key, one in container["lifecycle"].items() if one
        }
    if container.get("env"):
        kept["env"] = env(container["env"])
    if mounts := kept.get("volumeMounts"):
        kept["volumeMounts"] = [one for one in mounts if not _is_numbered(one)]
    return kept


def _handler(handler: Any) -> Any:
    """A probe or a lifecycle hook: what it asks for, without the values of its headers."""
    if not isinstance(handler, dict):
        return handler
    kept = dict(handler)
    if exec_ := handler.get("exec"):
        kept["exec"] = {"command": redact.command(exec_.get("command") or ())}
    http = handler.get("httpGet")
    if http and http.get("httpHeaders"):
        kept["httpGet"] = {**http, "httpHeaders": headers(http["httpHeaders"])}
    return kept


def headers(found: Any) -> Any:
    """Names of HTTP headers; their values may be credentials."""
    if not isinstance(found, list):
        return found
    return [{**one, "value": ""} if isinstance(one, dict) else one for one in found]


def env(found: Sequence[Any]) -> list[Any]:
    """Variables by name; a value only of Istio's own switches, a field or resource reference whole."""
    return [_variable(one) if isinstance(one, dict) else one for one in found]


def _variable(variable: Mapping[str, Any]) -> dict[str, Any]:
    name = str(variable.get("name", ""))
    kept: dict[str, Any] = {"name": name}
    if value := redact.env_value(name, str(variable.get("value") or "")):
        kept["value"] = value
    source = variable.get("valueFrom")
    if isinstance(source, dict):
        kept["valueFrom"] = {
            key: one if key in {"fieldRef", "resourceFieldRef"} else {}
            for key, one in source.items()
        }
    return kept


def pod_status(status: Mapping[str, Any]) -> dict[str, Any]:
    """The phase, and whether the pod is ready."""
    kept: dict[str, Any] = {}
    if status.get("phase"):
        kept["phase"] = status["phase"]
    ready = [
        {"type": "Ready", "status": one.get("status", "")}
        for one in status.get("conditions") or ()
        if one.get("type") == "Ready"
    ]
    if ready:
        kept["conditions"] = ready
    return kept
