"""What the tool keeps of pod specs: what rules read, in an allow-list.

The same lists serve templates and running pods, so that a bare pod is a workload like any other.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from . import redact

_SPEC = frozenset(
    {
        "hostNetwork", "hostPID", "hostIPC", "nodeName", "nodeSelector", "serviceAccountName",
        "automountServiceAccountToken", "dnsPolicy", "dnsConfig", "hostAliases", "securityContext",
        "terminationGracePeriodSeconds", "restartPolicy", "shareProcessNamespace", "priorityClassName",
        "runtimeClassName", "os", "readinessGates", "tolerations", "affinity", "overhead",
        "topologySpreadConstraints", "activeDeadlineSeconds", "schedulerName",
    }
)  # fmt: skip
_CONTAINER = frozenset(
    {
        "name", "image", "ports", "resources", "securityContext", "restartPolicy", "volumeMounts",
        "command", "args", "startupProbe", "livenessProbe", "readinessProbe", "lifecycle", "env",
        "envFrom",
    }
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
    """The fields that rules read, without what may be secret in them."""
    return redacted(reduced(spec))


def reduced(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Only the fields that rules read: equal for all pods of a workload on one node."""
    kept = {key: value for key, value in spec.items() if key in _SPEC and value is not None}
    if "serviceAccountName" not in kept and spec.get("serviceAccount"):
        kept["serviceAccountName"] = spec["serviceAccount"]  # the old name of the same field
    for key in _CONTAINERS:
        if spec.get(key):
            kept[key] = [_reduced_container(one) for one in spec[key]]
    if volumes := [one for one in spec.get("volumes") or () if not _is_numbered(one)]:
        kept["volumes"] = volumes
    return kept


def _reduced_container(container: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in container.items() if key in _CONTAINER}
    if mounts := kept.get("volumeMounts"):
        kept["volumeMounts"] = [one for one in mounts if not _is_numbered(one)]
    return kept


def redacted(spec: Mapping[str, Any]) -> dict[str, Any]:
    """`spec` without commands, values and names that may be secret."""
    kept = dict(spec)
    for key in _CONTAINERS:
        if key in kept:
            kept[key] = [_container(one) for one in kept[key]]
    if "volumes" in kept:
        kept["volumes"] = [_volume(one) for one in kept["volumes"]]
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
    kept = {key: value for key, value in container.items() if value}
    for key in _COMMANDS:
        if key in kept:
            kept[key] = redact.command(kept[key])
    for key in _PROBES:
        if key in kept:
            kept[key] = _handler(kept[key])
    if "lifecycle" in kept:
        kept["lifecycle"] = {key: _handler(one) for key, one in kept["lifecycle"].items() if one}
    if "env" in kept:
        kept["env"] = env(kept["env"])
    if "envFrom" in kept:
        kept["envFrom"] = [{} for _ in kept["envFrom"]]  # that there are more; not whose
    return {key: value for key, value in kept.items() if value}


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
